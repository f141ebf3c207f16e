"""Files and texts in tensors of BYTES and in instances, before they are decoded."""

from typing import Any

import pytest

from tests.serving.encoded_bundles import SOUND, TEXT
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.encoded import checked_samples, encoded_in_json, form, is_encoded, kinds, of_instance
from torchferry.serving.errors import NotDecodable, TooLarge, WrongParameter, WrongTensor

GREY = ImageDecode(mode="L", height=8, width=8, interpolation="bilinear")
SCAN = TensorSpec(name="scan", datatype="UINT8", shape=(-1, 1, 8, 8), decode=GREY)


@pytest.mark.parametrize("spec", [SCAN, TEXT, SOUND])
def test_more_samples_than_are_allowed_are_refused_before_one_is_looked_at(spec: TensorSpec) -> None:
    with pytest.raises(TooLarge, match=f"'{spec.name}' has 3 samples; 2 are allowed"):
        encoded_in_json({"shape": [3], "data": [None] * 3}, spec, 2)


def test_files_in_json_are_base64_in_a_list_or_in_rows_of_one() -> None:
    for shape, data in (([2], ["b25l", "dHc="]), ([2, 1], [["b25l"], ["dHc="]])):
        assert encoded_in_json({"shape": shape, "data": data}, SCAN, 2) == [b"one", b"tw"]
    for wrong in ("b25l", [1], ["?"], None):
        with pytest.raises(WrongTensor, match="'scan' has data other than image files, each as base64 text"):
            encoded_in_json({"shape": [1], "data": wrong}, SCAN, 2)


def test_texts_in_json_are_strings() -> None:
    assert encoded_in_json({"shape": [2, 1], "data": [["b25l"], ["naïve"]]}, TEXT, 2) == [b"b25l", "naïve".encode()]
    for wrong in ("text", [1], [None], [["a", 2]]):
        with pytest.raises(WrongTensor, match=r"'ids' has data other than texts$"):
            encoded_in_json({"shape": [1], "data": wrong}, TEXT, 2)
    with pytest.raises(NotDecodable, match="half of a surrogate pair"):
        encoded_in_json({"shape": [1], "data": ["\ud800"]}, TEXT, 2)


@pytest.mark.parametrize("shape", [[1], [2, 2], [1, 2], None])
def test_a_shape_that_is_not_the_number_of_samples_is_refused(shape: object) -> None:
    with pytest.raises(WrongTensor, match=r"'scan' has shape .* and holds 2 image files"):
        checked_samples([b"one", b"tw"], shape, SCAN)


def test_an_instance_is_a_text_or_base64() -> None:
    assert of_instance("free", TEXT) == of_instance({"b64": "ZnJlZQ=="}, TEXT) == b"free"
    assert of_instance({"b64": "b25l"}, SOUND) == b"one"
    assert [is_encoded(each) for each in ("a", {"b64": ""}, [1], 2)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("sample", "spec", "error", "words"),
    [
        ("b25l", SOUND, NotDecodable, '\'sound\' of an instance is not of the form {"b64": "a sound file as base64"}'),
        ({"b64": 1}, TEXT, NotDecodable, "'ids' of an instance is not of the form \"a text\""),
        (3, TEXT, NotDecodable, "'ids' of an instance"),
        ({"b64": "?"}, SCAN, NotDecodable, "an image file as base64"),
        ({"b64": "b25l", "kind": "x"}, SCAN, WrongParameter, "an instance has 'kind', which is not read"),
    ],
)
def test_an_instance_of_another_form_is_refused(
    sample: Any, spec: TensorSpec, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        of_instance(sample, spec)
    assert words in str(caught.value)


def test_what_may_be_sent_has_words() -> None:
    assert [kinds(spec) for spec in (SCAN, TEXT, SOUND)] == ["image files", "texts", "sound files"]
    assert form(TEXT) == '"a text"'
