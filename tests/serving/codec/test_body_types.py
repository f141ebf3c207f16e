"""What a client may say of its body."""

import pytest

from torchferry.serving.codec.body_types import check_type, check_utf8
from torchferry.serving.errors import UnsupportedType


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "image/png",
        "IMAGE/tiff",
        "text/csv; charset=utf-8",
        "application/json",
        "application/csv",
        "text/tab-separated-values",
    ],
)
def test_a_body_that_some_model_takes_is_let_through(kind: str) -> None:
    check_type(kind)


@pytest.mark.parametrize("kind", ["video/mp4", "text/html; charset=utf-8", "imagery/png"])
def test_a_body_of_another_type_is_told_what_is_taken(kind: str) -> None:
    with pytest.raises(
        UnsupportedType, match=rf"^the body is {kind.partition(';')[0]}; image/\*, audio/\*, multipart/form-data"
    ):
        check_type(kind)


@pytest.mark.parametrize("kind", ["", "text/plain", "text/plain; charset=UTF-8", "text/plain;charset=us-ascii; x=y"])
def test_a_text_in_utf8_is_taken(kind: str) -> None:
    check_utf8(kind)


@pytest.mark.parametrize("kind", ["text/plain; charset=iso-8859-1", 'text/plain; x=y; Charset="latin1"'])
def test_a_text_in_another_charset_is_refused(kind: str) -> None:
    with pytest.raises(UnsupportedType, match=r"the text's charset is .*1; send it in UTF-8"):
        check_utf8(kind)
