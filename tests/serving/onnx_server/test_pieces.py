"""Pieces of an answer up to its bound."""

import pytest

from torchferry.serving.errors import AnswerTooLarge
from torchferry.serving.onnx_server.pieces import bounded


def test_pieces_come_as_they_are_until_there_are_too_many_bytes() -> None:
    assert list(bounded(iter([b"ab", b"c"]), 3)) == [b"ab", b"c"]
    pieces = bounded(iter([b"ab", b"cd"]), 3)
    assert next(pieces) == b"ab"
    with pytest.raises(AnswerTooLarge, match="more than 3 bytes"):
        next(pieces)
