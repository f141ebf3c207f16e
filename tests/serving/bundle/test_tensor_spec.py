import dataclasses
import json

import pytest

from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import AudioDecode, Decode, ImageDecode, TensorSpec, TextDecode

AXIS = Axis(at=1, name="tokens", least=1, most=512)
IMAGE = ImageDecode(mode="RGB", height=4, width=4, interpolation="bilinear")


@pytest.mark.parametrize("decode", [None, IMAGE, TextDecode(), TextDecode(truncate=False), AudioDecode(rate=16_000)])
def test_json_and_back(decode: Decode | None) -> None:
    spec = TensorSpec(name="text", datatype="INT64", shape=(-1, -1), axes=(AXIS,), pad="NaN", decode=decode)
    assert TensorSpec.of_json(json.loads(json.dumps(dataclasses.asdict(spec)))) == spec


def test_only_a_picture_is_one() -> None:
    spec = TensorSpec(name="x", datatype="UINT8", shape=(-1, 3, 4, 4), decode=IMAGE)
    assert spec.image == IMAGE
    assert dataclasses.replace(spec, decode=TextDecode()).image is None


@pytest.mark.parametrize(
    "wrong",
    [{"axes": []}, {"pad": "none"}, {"decode": {"kind": "smell"}}, {"axes": [{"at": 1, "name": "a", "most": 0}]}],
)
def test_what_a_later_version_may_say_is_refused(wrong: dict[str, object]) -> None:
    said = {"name": "x", "datatype": "INT64", "shape": [-1, -1], "axes": [dataclasses.asdict(AXIS)]}
    assert TensorSpec.of_json(said).axes == (AXIS,)
    with pytest.raises((ValueError, KeyError)):
        TensorSpec.of_json(said | wrong)
