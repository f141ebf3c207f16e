"""A graph with weights that fit into no file with it, from its file to an endpoint.

A limit makes a small one large; a sweep makes one of 2 GB.
"""

import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.commands import ROOT
from tests.server import Server
from tests.serving.export.onnx_graphs.deciding_graph import TIED, deciding, reference_of_graph, rows
from tests.serving.export.onnx_graphs.graphs import graph
from tests.serving.onnx_server.asking import arrays, ask, tensor
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.checks.near_ties import near_ties
from torchferry.serving.export.formats.triton import write_triton
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.reference import Reference
from torchferry.serving.session import check_golden, open_variant
from torchferry.serving.session.runtimes import RUNTIMES
from torchferry.serving.torchserve.archive import archive

VARIANTS = ["onnx-fp32", "onnx-fp16", "onnx-int8", *(["openvino-fp32"] if not RUNTIMES["openvino-fp32"].lacks else [])]


@pytest.fixture(scope="module")
def large() -> Iterator[None]:
    """Every graph is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "LARGEST", 1)
        patch.setattr(weights, "SMALL", 64)
        yield


@pytest.fixture(scope="module")
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    request.getfixturevalue("large")
    folder = tmp_path_factory.mktemp("large")
    return export(reference_of_graph(deciding(), folder, row=rows()[TIED:]), folder / "net", VARIANTS, {}, "1")


@pytest.mark.usefixtures("large")
def test_its_near_ties_are_found(tmp_path: Path) -> None:
    reference, given = reference_of_graph(deciding(), tmp_path, row=rows()), {"row": rows()}
    assert reference.graph
    assert all(map(weights.is_outside, reference.graph.graph.initializer))
    assert near_ties(reference, given)["kind"].sum() == TIED


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_has_its_weights_beside_it_and_is_the_network(variant: str, bundle: Bundle) -> None:
    assert not bundle.skipped
    made, folder = bundle.variants[variant], Path(bundle.variants[variant].file).parent
    assert bundle.variant_files(variant) == [f"{folder}/model.onnx", f"{folder}/model.onnx.data"]
    assert made.bytes == sum((bundle.root / file).stat().st_size for file in bundle.variant_files(variant))
    if RUNTIMES[variant].exact:
        assert made.status == "accepted", made.reason
    if made.status == "accepted":
        check_golden(open_variant(bundle, variant, 1), bundle, variant)


def test_changed_weights_are_noticed(bundle: Bundle) -> None:
    data = bundle.root / bundle.variant_files("onnx-fp32")[1]
    content = data.read_bytes()
    try:
        data.write_bytes(content[:-1] + b"\1")
        with pytest.raises(UserError, match=r"model.onnx.data: is damaged"):
            bundle.variant_file("onnx-fp32")
    finally:
        data.write_bytes(content)


def test_archives_and_triton_take_them_along(bundle: Bundle, tmp_path: Path) -> None:
    (made,) = archive(bundle, tmp_path / "store", ["onnx-fp32"])
    with zipfile.ZipFile(made) as file:
        assert {*bundle.variant_files("onnx-fp32")} <= {*file.namelist()}
    write_triton(bundle, tmp_path / "triton")
    (placed,) = tmp_path.glob("triton/*-onnx-fp32/1")
    assert sorted(each.name for each in placed.iterdir()) == ["model.onnx", "model.onnx.data"]


@pytest.mark.server
def test_it_is_served(bundle: Bundle, tmp_path: Path) -> None:
    server = Server(bundle.root, folder=tmp_path, runtime="onnx")
    try:
        rest = server.wait_ready()["rest"]
        answered = ask(rest, f"/v2/models/{bundle.name}/infer", {"inputs": [tensor("row", rows()[3:9])]})
    finally:
        server.stop()
    assert arrays(answered)["kind"].tolist() == [2] * 6


@pytest.mark.usefixtures("large")
def test_its_weights_stay_outside_in_another_opset_and_with_what_is_put_around_it(tmp_path: Path) -> None:
    model = graph(
        "graph (float[4, 3, 8, 8] x) => (float[4, 5] y) { f = Flatten(x)  y = MatMul(f, w) }",
        '<ir_version: 7, opset_import: ["" : 11]>',
    )
    values = np.random.default_rng(0).normal(size=(192, 5)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(values, "w"))
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\n")
    options = ("--input", "image:8", "--labels", str(tmp_path / "labels.txt"))
    reference = reference_of_graph(model, tmp_path, *options)
    assert reference.graph
    assert any(map(weights.is_outside, reference.graph.graph.initializer))
    assert export(reference, tmp_path / "net", ["onnx-fp32"], {}, "1").accepted


def wide(folder: Path) -> Reference:
    """2 MiB of weights."""
    model = graph("graph (float[N, 512] x) => (float[N, 1024] y) { y = MatMul(x, w) }")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((512, 1024), np.float32), "w"))
    return reference_of_graph(model, folder)


@pytest.mark.parametrize("small_disk", [1], indirect=True)
@pytest.mark.usefixtures("large")
def test_a_full_disk_leaves_nothing(small_disk: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no space is left on its disk; nothing was written"):
        export(wide(tmp_path), small_disk / "net", ["onnx-fp32"], {}, "1")
    assert not list(small_disk.iterdir())


@pytest.mark.parametrize("small_disk", [3], indirect=True)
@pytest.mark.usefixtures("large")
def test_a_full_temporary_folder_is_said(small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = wide(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with pytest.raises(UserError, match=rf"{small_disk}: no space is left on its disk for .*; name a folder .* TMPDIR"):
        export(reference, tmp_path / "net", ["onnx-fp32"], {}, "1")
    assert not (tmp_path / "net").exists()


def test_a_bundle_is_whole_without_the_limit(bundle: Bundle) -> None:
    bundles.load(bundle.root).check_whole()


LAYERS, SIZE = 33, 4096
"""Of float32: 2,214,592,512 bytes."""


def stack(folder: Path) -> Path:
    """Gemms one behind the other, and 48 rows for them in data.npz."""
    chance, each = np.random.default_rng(0), SIZE * SIZE * 4
    held = np.memmap(folder / "big.onnx_data", np.float32, "w+", shape=(LAYERS, SIZE, SIZE))
    nodes, placed, value = [], [], "x"
    for number in range(LAYERS):
        held[number] = chance.standard_normal((SIZE, SIZE), dtype=np.float32) * np.float32((2 / SIZE) ** 0.5)
        placed.append(onnx.TensorProto(name=f"w{number}", data_type=onnx.TensorProto.FLOAT, dims=[SIZE, SIZE]))
        weights.place_outside(placed[-1], "big.onnx_data", number * each, each)
        nodes.append(onnx.helper.make_node("Gemm", [value, f"w{number}"], [f"h{number}"]))
        value = "y" if number == LAYERS - 1 else f"r{number}"
        nodes.append(onnx.helper.make_node("Relu", [f"h{number}"], [value]))
    held.flush()
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", SIZE]) for name in ("x", "y")]
    made = onnx.helper.make_graph(nodes, "big", ends[:1], ends[1:], placed)
    opsets = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(made, opset_imports=opsets, ir_version=9), folder / "big.onnx")
    np.savez(folder / "data.npz", x=chance.standard_normal((48, SIZE), dtype=np.float32))
    return folder / "big.onnx"


@pytest.mark.sweep
@pytest.mark.server
def test_two_gigabytes_from_a_file_to_an_endpoint(tmp_path: Path) -> None:
    """Prints the most memory that the export, and then the server, had at a time, what is mapped among it."""
    words = ["export", stack(tmp_path), "--eval-data", tmp_path / "data.npz", "-o", tmp_path / "b"]
    command = [sys.executable, "-m", "torchferry", *map(str, words), "--variants", "onnx-fp32"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(f"export {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.2f} GB")
    inputs, expected = bundles.load(tmp_path / "b").golden()
    server = Server(tmp_path / "b", folder=tmp_path, runtime="onnx")
    try:
        rest = server.wait_ready()["rest"]
        status = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        print("server", next(line for line in status if line.startswith("VmHWM")))
        answered = arrays(ask(rest, "/v2/models/big/infer", {"inputs": [tensor("x", inputs["x"])]}))["y"]
    finally:
        server.stop()
    np.testing.assert_allclose(answered, expected["y"], atol=1e-4 * np.abs(expected["y"]).max())
