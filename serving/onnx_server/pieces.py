"""Answers that are long to write: in pieces, and no more of them than an answer may have bytes."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from torchferry.serving.errors import AnswerTooLarge

Written = TypeVar("Written", covariant=True)


class Pieces(Generic[Written]):
    """An answer that is long to write: what is `made` of all its pieces."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        made: Callable[[list[bytes]], Written],
        *,
        are_long: bool = False,
        keeps_lock: bool = False,
    ) -> None:
        """`are_long`: a piece, such as a picture, takes so long that a thread makes it; `keeps_lock`: with the
        interpreter's lock."""
        self.pieces, self.made, self.are_long, self.keeps_lock = pieces, made, are_long, keeps_lock


def bounded(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The same. Raises AnswerTooLarge instead of a piece that is beyond `most` bytes."""
    left = most
    for piece in pieces:
        if (left := left - len(piece)) < 0:
            raise answer_too_large(f"the answer's JSON has more than {most:,} bytes", most)
        yield piece


def answer_too_large(what: str, most: int) -> AnswerTooLarge:
    return AnswerTooLarge(f"{what}, and {most:,} are allowed; ask for fewer samples or outputs, or for raw tensors")
