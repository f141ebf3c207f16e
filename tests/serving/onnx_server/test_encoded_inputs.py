"""What servers say of inputs that take files and texts."""

import json
from dataclasses import replace

import pytest

from tests.serving.encoded_bundles import MOST_SAMPLES, MOST_TOKENS, RATE, SOUND, TEXT
from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.onnx_server import encoded_inputs
from torchferry.serving.onnx_server.encoded_inputs import (
    FILE,
    described,
    instance_schema,
    media_type,
    sample_schemas,
)

DECODE = ImageDecode(mode="RGB", height=2, width=3, interpolation="bicubic", resize="pad", fill=(1, 2, 3))
PICTURE = TensorSpec(name="image", datatype="UINT8", shape=(-1, 3, 2, 3), decode=DECODE)
ROW = TensorSpec(name="row", datatype="FP32", shape=(-1, 2))
AGE = TensorSpec(name="age", datatype="FP32", shape=(-1,))
FILE_OR_NUMBERS = {"anyOf": [FILE, {"type": "array"}]}
TEXT_OR_NUMBERS = {"anyOf": [encoded_inputs.TEXT, {"type": "array"}]}


def test_how_a_sample_becomes_the_tensor_is_said_of_those_inputs_alone() -> None:
    assert described((ROW, PICTURE, TEXT, SOUND)) == {
        "image": vars(DECODE) | {"fill": [1, 2, 3]},
        "ids": {
            "kind": "text",
            "tokenizer": "tokenizer.json",
            "truncate": False,
            "tokens": {"least": 1, "most": MOST_TOKENS},
        },
        "sound": {"kind": "audio", "rate": RATE, "truncate": False, "samples": {"least": 10, "most": MOST_SAMPLES}},
    }


def test_bounds_of_pictures_of_their_own_size_are_said() -> None:
    height, width = Axis(at=2, name="h", least=32, most=96, step=32), Axis(at=3, name="w", least=8, most=64)
    decode = replace(DECODE, resize="keep", height=height, width=width)
    said = described((replace(PICTURE, shape=(-1, 3, -1, -1), axes=(height, width), decode=decode),))["image"]
    assert (said["height"], said["width"]) == ({"least": 32, "most": 96, "step": 32}, {"least": 8, "most": 64})
    assert json.dumps(said)


@pytest.mark.parametrize(
    ("spec", "schema"), [(PICTURE, FILE_OR_NUMBERS), (TEXT, TEXT_OR_NUMBERS), (ROW, {"type": "array"})]
)
def test_the_sample_of_one_input_has_no_name(spec: TensorSpec, schema: object) -> None:
    assert instance_schema((spec,)) == schema


def test_the_sample_of_several_has_all_names() -> None:
    schema = instance_schema((ROW, PICTURE, AGE))
    assert schema["required"] == ["row", "image", "age"]
    assert schema["properties"]["image"] == FILE_OR_NUMBERS
    assert "number" in schema["properties"]["age"]["type"]


def test_a_body_alone_has_the_type_of_the_only_input() -> None:
    assert [media_type((spec,)) for spec in (PICTURE, TEXT, SOUND, ROW)] == ["image/*", "text/plain", "audio/*", ""]
    assert media_type((TEXT, ROW)) == ""


def test_a_text_may_stand_alone_in_json_and_a_file_as_base64() -> None:
    assert [schema["type"] for schema in sample_schemas((TEXT,))] == ["string", "object", "array", "object"]
    assert sample_schemas((SOUND,))[0] == FILE
    (alone,) = sample_schemas((TEXT, SOUND))
    assert alone["properties"]["instances"]["items"]["required"] == ["ids", "sound"]
