"""Texts and sounds are found in every body that a client may send."""

import pytest

from tests.serving.encoded_bundles import SOUND, TEXT
from tests.serving.tiny_bundle import described
from torchferry.serving.codec.predictions_json import read_request
from torchferry.serving.errors import NotDecodable

TEXTS, SOUNDS = described(inputs=(TEXT,)), described(inputs=(SOUND,))


@pytest.mark.parametrize(
    ("body", "kind", "form", "texts"),
    [
        (b"free money", "application/x-www-form-urlencoded", "labels", [b"free money"]),
        (b"[URGENT] free", "text/plain", "labels", [b"[URGENT] free"]),
        (b'"free"', "application/json", "labels", [b"free"]),
        (b'{"text": "free"}', "", "labels", [b"free"]),
        (b'["free", "noon"]', "", "predictions", [b"free", b"noon"]),
        (b'{"instances": ["free"]}', "", "predictions", [b"free"]),
        (b"text\nfree\n", "text/csv", "predictions", [b"free"]),
        (
            b'{"inputs": [{"name": "ids", "datatype": "BYTES", "shape": [1], "data": ["free"]}]}',
            "",
            "tensors",
            [b"free"],
        ),
    ],
)
def test_texts_are_found_in_every_body(body: bytes, kind: str, form: str, texts: list[bytes]) -> None:
    request = read_request(body, TEXTS, content_type=kind)
    assert (request.form, request.files, request.size) == (form, {"ids": texts}, len(texts))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"[URGENT] free",
            'nor {"text": "a text"}, nor a list of texts; a text that begins like it is sent as text/pl',
        ),
        (b'{"text": 3}', 'nor {"text": "a text"}, nor a list of texts$'),
    ],
)
def test_what_begins_like_json_and_says_nothing_of_its_type_is_not_guessed(body: bytes, words: str) -> None:
    with pytest.raises(NotDecodable, match=words):
        read_request(body, TEXTS)


def test_a_sound_is_its_file_or_base64() -> None:
    for body in (b"RIFF", b'{"b64": "UklGRg=="}', b'{"sound": {"b64": "UklGRg=="}}'):
        request = read_request(body, SOUNDS)
        assert (request.form, request.files) == ("labels", {"sound": [b"RIFF"]})
