"""What servers say of inputs that take files."""

import pytest

from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.onnx_server.pictures import FILE, described, instance_schema

DECODE = ImageDecode(mode="RGB", height=2, width=3, interpolation="bicubic", resize="pad", fill=(1, 2, 3))
PICTURE = TensorSpec(name="image", datatype="UINT8", shape=(-1, 3, 2, 3), decode=DECODE)
ROW = TensorSpec(name="row", datatype="FP32", shape=(-1, 2))
AGE = TensorSpec(name="age", datatype="FP32", shape=(-1,))
FILE_OR_NUMBERS = {"anyOf": [FILE, {"type": "array"}]}


def test_how_a_file_becomes_the_tensor_is_said_of_those_inputs_alone() -> None:
    said = described((ROW, PICTURE))
    assert said.keys() == {"image"}
    assert said["image"] == vars(DECODE) | {"fill": [1, 2, 3]}


@pytest.mark.parametrize(("spec", "schema"), [(PICTURE, FILE_OR_NUMBERS), (ROW, {"type": "array"})])
def test_the_sample_of_one_input_has_no_name(spec: TensorSpec, schema: object) -> None:
    assert instance_schema((spec,)) == schema


def test_the_sample_of_several_has_all_names() -> None:
    schema = instance_schema((ROW, PICTURE, AGE))
    assert schema["required"] == ["row", "image", "age"]
    assert schema["properties"]["image"] == FILE_OR_NUMBERS
    assert "number" in schema["properties"]["age"]["type"]
