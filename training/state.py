"""What checkpoints hold in one piece. They name the class by this module's path, so it stays here under this name."""

from typing import Any


class _Kept:
    """Something that is saved in one piece, however it is nested."""

    def __init__(self, content: Any) -> None:
        self.content = content
