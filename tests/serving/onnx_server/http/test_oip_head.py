"""The JSON before raw tensors is read once; whatever comes behind it is read each time, and checked."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import WrongTensor
from torchferry.serving.onnx_server.http import oip_json
from torchferry.serving.onnx_server.http.oip_head import read_head
from torchferry.serving.onnx_server.inference import Inference
from torchferry.serving.onnx_server.remembered import Remembered

SPEC = TensorSpec(name="x", datatype="INT32", shape=(-1, 2))
DECLARED = {"name": "x", "datatype": "INT32", "shape": [1, 2]}
RAW = {"inputs": [DECLARED | {"parameters": {"binary_data_size": 8}}], "parameters": {"binary_data_output": True}}


@pytest.fixture
def model() -> Any:
    bundle = SimpleNamespace(inputs=[SPEC], table=None)
    named = {"name": "tiny", "version": "1", "output_names": ["y"], "input_specs": {"x": SPEC}, "most_samples": 2}
    return SimpleNamespace(bundle=bundle, heads=Remembered(), output_datatypes={"y": "FP32"}, **named)


def read(model: Any, said: dict[str, Any], *numbers: int) -> Inference:
    text = orjson.dumps(said)
    return oip_json.read(text + np.array(numbers, np.int32).tobytes(), len(text), model)


def test_the_same_head_gives_each_request_its_own_inputs(model: Any) -> None:
    first, second = read(model, RAW, 1, 2), read(model, RAW, 3, 4)
    assert len(model.heads.made) == 1
    assert (first.inputs["x"].tolist(), second.inputs["x"].tolist()) == ([[1, 2]], [[3, 4]])
    assert first.outputs == second.outputs
    with pytest.raises(WrongTensor, match="has binary_data_size 8; 4 bytes are left"):
        read(model, RAW, 1)
    with pytest.raises(WrongTensor, match="4 bytes of the body belong to no input"):
        read(model, RAW, 1, 2, 3)


def test_what_has_numbers_of_its_own_is_not_kept(model: Any) -> None:
    asked = {"inputs": [DECLARED | {"data": [5, 6]}]}
    assert read(model, asked).inputs["x"].tolist() == [[5, 6]]
    assert not model.heads.made


def test_the_head_of_an_answer_is_kept_by_its_shapes(model: Any) -> None:
    asked = read(model, RAW, 1, 2)
    for rows in (1, 2, 1):
        outputs = {"y": np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)}
        body, length = oip_json.write(asked, outputs, model)
        assert length
        said = orjson.loads(body[:length])["outputs"][0]
        assert (said["shape"], said["parameters"]) == ([rows, 3], {"binary_data_size": rows * 12})
        assert body[length:] == outputs["y"].tobytes()
    assert asked.heads
    assert len(asked.heads.made) == 2


def test_a_head_that_is_wrong_is_refused_before_any_element_is_read(model: Any) -> None:
    for wrong, words in (({"shape": [1, 3]}, "has shape"), ({"name": "z"}, "the model takes 'x'")):
        said = {"inputs": [DECLARED | {"parameters": {"binary_data_size": 8}} | wrong]}
        with pytest.raises(WrongTensor, match=words):
            read_head(orjson.dumps(said), model)
