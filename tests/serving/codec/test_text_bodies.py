"""A body for a model that takes a text: what of it is the text, by what the client says of it."""

import pytest

from tests.serving.encoded_bundles import SOUND, TEXT
from tests.serving.tiny_bundle import described
from torchferry.serving.codec.body_types import URL_ENCODED
from torchferry.serving.codec.text_bodies import ASSUMED, is_json, text_input, texts_of_body
from torchferry.serving.errors import NotDecodable, TooLarge, UnsupportedType, WrongTensor


def test_the_only_input_takes_texts_or_nothing_does() -> None:
    assert text_input(described(inputs=(TEXT,))) is TEXT
    assert text_input(described(inputs=(SOUND,))) is None
    assert text_input(described(inputs=(TEXT, SOUND))) is None


@pytest.mark.parametrize(
    ("start", "kind", "expected"),
    [
        (b"{", "", True),
        (b"[", URL_ENCODED, True),
        (b"[", "text/plain; charset=utf-8", False),
        (b"{", "text/csv", False),
        (b'"', "application/json", True),
        (b'"', URL_ENCODED, False),
        (b"f", "application/octet-stream", False),
    ],
)
def test_json_is_what_is_said_to_be_or_begins_so_where_nothing_is_said(start: bytes, kind: str, expected: bool) -> None:
    assert is_json(start, kind) is expected


@pytest.mark.parametrize("kind", ["", "text/plain", "text/plain; charset=UTF-8", "application/octet-stream"])
def test_a_text_is_taken_as_it_is(kind: str) -> None:
    body = b" free%20money + text=1 \n"
    assert texts_of_body(body, kind, TEXT, 9) == ([body], ())


@pytest.mark.parametrize(
    ("body", "text", "notes"),
    [
        (b"free money & more, 100% sure", b"free money & more, 100% sure", ()),  # curl -d
        (b"free%20money%2C%201%2B1", b"free money, 1+1", (ASSUMED,)),  # curl --data-urlencode
        (b"text=free+money%21", b"free money!", ()),  # a page's form, requests.post(data={...})
        (b"ids=noon", b"noon", ()),
        (b"data=a%3Db", b"a=b", ()),
        (b"sum=3", b"sum=3", ()),
    ],
)
def test_what_curl_and_forms_send_is_the_text_that_was_meant(body: bytes, text: bytes, notes: tuple[str, ...]) -> None:
    assert texts_of_body(body, URL_ENCODED, TEXT, 9) == ([text], notes)


def test_a_form_of_several_fields_is_refused() -> None:
    with pytest.raises(NotDecodable, match="a form with the fields text, T now; it takes one, the text; a text as it"):
        texts_of_body(b"text=AT&T+now", URL_ENCODED, TEXT, 9)
    with pytest.raises(NotDecodable, match="a form of more than 16 fields"):
        texts_of_body(b"text=a" + b"&b=c" * 20, URL_ENCODED, TEXT, 9)


def test_a_table_has_a_text_in_each_line() -> None:
    table = b'label,text\n1,"free, money"\n0,noon\n'
    left_out = ("columns that the model does not read are left out: label",)
    assert texts_of_body(table, "text/csv", TEXT, 2) == ([b"free, money", b"noon"], left_out)
    assert texts_of_body(b"ids\na\n", "text/csv; charset=utf-8", TEXT, 2) == ([b"a"], ())


@pytest.mark.parametrize(
    ("body", "kind", "error", "words"),
    [
        (b"texd\nfree\n", "text/csv", WrongTensor, "line 1 names no column 'text'; did you mean texd"),
        (b"mail,label\nfree,1\n", "text/csv", WrongTensor, "'text'; it has mail, label; a text alone goes as"),
        (b"text\n", "text/csv", WrongTensor, "no line follows it"),
        (b"a,text\n1,2\n3\n", "text/csv", WrongTensor, "line 3: has 1 cells; 2 are expected: a, text"),
        (b"text\n1\n2\n3\n", "text/csv", TooLarge, "more than 3 lines"),
        (b"RIFF", "audio/wav", UnsupportedType, "the body is audio/wav; 'ids' takes a text"),
        (b"caf\xe9", "text/plain; charset=latin1", UnsupportedType, "charset is latin1; send it in UTF-8"),
    ],
)
def test_what_holds_no_text_is_refused(body: bytes, kind: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        texts_of_body(body, kind, TEXT, 2)
