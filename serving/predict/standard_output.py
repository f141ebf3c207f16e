"""Records on the standard output, for as long as somebody reads them; what `OutputFile` is for a file."""

import sys
from collections.abc import Iterable, Iterator

from torchferry.serving.predict.sample import Sample


class StandardOutput:
    done = unanswered = 0
    is_new = True

    def close(self) -> None:
        """There is nothing to close."""

    def columns(self) -> tuple[str, ...]:
        return ()

    def append(self, text: str) -> None:
        # Names of files need not be UTF-8, and the stream may refuse those that are not.
        sys.stdout.write(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))

    def checked(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        return iter(samples)
