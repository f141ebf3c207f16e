"""A model of others comes from its import path, its weights, and what it was judged on."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from safetensors.torch import save_file

from tests.serving import signatures
from tests.serving.export.onnx_graphs.graphs import ROWS, graph
from tests.serving.export.tiny_reference import half, tiny_reference
from torchferry.files import sha256
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.given_data import GivenData
from torchferry.serving.export.external.given_origin import origin_of_given
from torchferry.serving.export.statement import Origin

BUILT = "tests.serving.signatures:build"


def origin(*options: object, model: object = BUILT) -> Origin:
    samples = tiny_reference().test
    data = GivenData(task=half("tensors"), test=samples, option="", test_in_full=None, calibration=samples)
    return origin_of_given(parser().parse_args(["--model", str(model), *map(str, options)]), data)


def test_weights_and_samples_have_their_checksums(tmp_path: Path) -> None:
    weights, data = tmp_path / "some.safetensors", tmp_path / "data.npz"
    save_file(signatures.build().state_dict(), weights)
    np.savez(data, row=np.zeros(3))
    found = origin("--weights", weights, "--input", "table:3", "--eval-data", data)
    assert found.recipe == {"model": BUILT, "weights": "some.safetensors", "input": ["table:3"]}
    assert found.steps == {"some.safetensors": sha256(weights)}
    assert found.data == {"evaluation": {"samples": 6, "sha256": sha256(data)}}


def test_weights_beside_a_graph_have_theirs(tmp_path: Path) -> None:
    model = graph(ROWS)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.zeros((3, 2), np.float32), "w"))
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    assert origin(model=tmp_path / "net.onnx").steps == {
        name: sha256(tmp_path / name) for name in ("net.onnx", "net.data")
    }


def test_a_folder_has_one_checksum_of_all_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"1")
    listed = f"a/1.png {hashlib.sha256(b'1').hexdigest()}\n"
    expected = {"samples": 6, "sha256": hashlib.sha256(listed.encode()).hexdigest()}
    found = origin("--eval-data", tmp_path, "--calibration-data", tmp_path)
    assert found.data == {"evaluation": expected, "calibration": expected}


def test_samples_that_were_made_up_have_none() -> None:
    assert origin().data == {"evaluation": {"samples": 6, "sha256": None}}
