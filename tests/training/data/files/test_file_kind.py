"""A kind of files is known by endings and first bytes."""

from torchferry.training.data.pictures.picture_kind import PICTURES


def test_the_usual_ending_is_the_example() -> None:
    assert PICTURES.example == "*.jpg"
    assert {b"jpg", b"png"} <= PICTURES.endings
