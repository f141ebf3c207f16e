"""What a body holds for a model, however clients have sent it; `test_same_bodies.py` asks servers."""

from typing import Any

import pytest
from urllib3 import encode_multipart_formdata

from torchferry.serving.codec.upload import MAX_PARTS, Upload, the_body, the_input, upload
from torchferry.serving.errors import NotDecodable, UnsupportedType

IMAGE = b"\x89PNG\r\n\x1a\n and so on"
FILE = 'Content-Disposition: form-data; name="data"; filename="0.png"\r\nContent-Type: image/png'
OTHER = 'Content-Disposition: form-data; name="comment"'
BOUNDARY = "----WebKitFormBoundaryAb1"
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def form(*parts: tuple[str, bytes]) -> bytes:
    """As a browser writes it: `parts` are headers' lines and contents."""
    written = [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts]
    return b"".join([*written, f"--{BOUNDARY}--\r\n".encode()])


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_type_is_itself(kind: str) -> None:
    assert upload(IMAGE, kind) == Upload(IMAGE, content_type=kind)


@pytest.mark.parametrize(
    ("heads", "written_as"),
    [
        ([FILE], "browser"),
        ([FILE.replace("data", "image")], "another name"),
        (['Content-Disposition: form-data; name="data"'], "a field"),
        (["content-disposition: form-data; name=data; filename=0.png"], "no quotes"),
        ([FILE.replace("0.png", 'k\u00e4se \\"; \u2713.png')], "an odd file name"),
        ([FILE.replace("data", "body")], "TorchServe's other name"),
    ],
)
def test_forms_as_clients_write_them(heads: list[str], written_as: str) -> None:
    body = form(*((head, IMAGE) for head in heads))
    for kind in (KIND, f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}"'):
        assert upload(body, kind) == Upload(IMAGE), written_as


def test_a_file_may_hold_the_letters_of_the_boundary() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\na--x--b\r\n--x--\r\n'
    assert upload(body, "multipart/form-data; boundary=x").body == b"a--x--b"


def test_a_large_file_stays_in_memory() -> None:
    body, kind = encode_multipart_formdata({"data": ("0.png", bytes(3_000_000))})
    assert upload(body, kind).body == bytes(3_000_000)


def test_parts_that_say_how_to_answer_are_no_body() -> None:
    body, kind = encode_multipart_formdata({"picture": ("0.png", IMAGE), "top_k": "3", "target": "cat"})
    assert upload(body, kind) == Upload(IMAGE, {"top_k": b"3", "target": b"cat"})


@pytest.mark.parametrize(
    ("body", "kind", "error", "words"),
    [
        (form((FILE, b"")), "multipart/form-data", NotDecodable, "without a boundary"),
        (b"", "multipart/form-data; boundary=x", NotDecodable, "the form has no part for the model"),
        (form((OTHER, b"a"), (FILE.replace("data", "b"), b"b")), KIND, NotDecodable, "the form has b and comment for"),
        (form((FILE, b"a"), (OTHER, b"b")), KIND, NotDecodable, "the form has comment and data for the model"),
        (form((FILE, b"a"), (FILE, b"b")), KIND, NotDecodable, "the form has more than one part called 'data'"),
        (form((OTHER, b"a"), (FILE, b"b"), (OTHER, b"c")), KIND, NotDecodable, "more than one part called 'comment'"),
        (form((FILE, b"a"), (FILE.replace("data", "body"), b"b")), KIND, NotDecodable, "the form has body and data"),
        (form((FILE, b"a")) + form((FILE, b"b")), KIND, NotDecodable, "bytes behind the end of its multipart"),
        (b"--y\r\nnonsense", "multipart/form-data; boundary=x", NotDecodable, "multipart/form-data"),
        (b"<image/>", "application/xml", UnsupportedType, "the body is application/xml; image/*, audio/*"),
    ],
)
def test_what_is_no_upload_is_refused(body: bytes, kind: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("*", r"\*")):
        upload(body, kind)


@pytest.mark.parametrize("parts", [{"data": b"a"}, {"body": b"a", "top_k": b"3"}, {"any": b"a"}])
def test_of_several_parts_one_is_the_body(parts: Any) -> None:
    assert the_body(parts).body == b"a"


def test_a_call_over_grpc_has_one_body_and_nothing_that_is_not_read() -> None:
    assert the_input({"data": b"a", "top_k": b"3"}) == the_input({"body": b"a"}) == b"a"
    for parts in ({}, {"file": b"a"}, {"data": b"a", "body": b"b"}):
        with pytest.raises(NotDecodable, match="it has one of data and body, and may have top_k and target"):
            the_input(parts)
    with pytest.raises(NotDecodable, match="the input has data, target;"):
        the_input({"data": b"a", "target": b"b"}, ["top_k"])


def test_a_form_of_very_many_parts_is_given_up() -> None:
    parts = [(OTHER.replace("comment", f"c{number}"), b"") for number in range(MAX_PARTS + 1)]
    with pytest.raises(NotDecodable, match=r"the form has c0 and c1 .* it takes one part"):
        upload(form(*parts[:-1]), KIND)
    with pytest.raises(NotDecodable, match="the form has more than 16 parts"):
        upload(form(*parts), KIND)
