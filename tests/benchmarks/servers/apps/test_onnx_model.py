"""The ONNX model that the peers' apps share: splitting a batch's outputs by request, and tensors in base64."""

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.servers.jobs import write_model
from torchferry.benchmarks.servers.apps.onnx_model import OnnxModel, decoded, encoded


@pytest.fixture
def model(tmp_path: Path) -> OnnxModel:
    write_model(tmp_path / "model.onnx")
    return OnnxModel(str(tmp_path / "model.onnx"), 1)


def test_the_outputs_of_each_request_of_a_batch_are_its_own(model: OnnxModel) -> None:
    images = np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2)
    requests = [{"image": images[0:1]}, {"image": images[1:3]}, {"image": images[3:4]}]
    together = model.run_together(requests)
    assert [encoded(outputs) for outputs in together] == [
        {"pixels": [[0, 1, 2, 3]]},
        {"pixels": [[4, 5, 6, 7], [8, 9, 10, 11]]},
        {"pixels": [[12, 13, 14, 15]]},
    ]


def test_outputs_go_by_the_names_of_the_graph(model: OnnxModel) -> None:
    outputs = model.run({"image": np.full((1, 1, 2, 2), 9, np.uint8)})
    assert outputs.keys() == {"pixels"}
    assert outputs["pixels"].tolist() == [[9, 9, 9, 9]]


def test_a_tensor_in_base64_has_its_dtype_and_shape_again() -> None:
    values = decoded({"x": {"datatype": "int16", "shape": [1, 2], "data": "AQACAA=="}})["x"]
    assert (str(values.dtype), values.tolist()) == ("int16", [[1, 2]])
