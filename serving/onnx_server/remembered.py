"""Keeps what was made of something, for as long as the same comes again."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")
MOST = 128
"""Clients could fill the memory with more."""


class Remembered(Generic[Key, Made]):
    def __init__(self) -> None:
        self.made: dict[Key, Made] = {}

    def get(self, key: Key) -> Made | None:
        return self.made.get(key)

    def keep(self, key: Key, made: Made) -> Made:
        """Nothing may change it any more."""
        if len(self.made) >= MOST:
            self.made.clear()  # most of them never come again, or there would not be so many
        self.made[key] = made
        return made
