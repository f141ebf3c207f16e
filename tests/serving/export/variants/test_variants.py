"""Every kind of variant, of a trained net and of nets that quantisation ruins."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from tests.commands import run_command
from tests.serving.export.recurrent.layers import KINDS, Layer, traced
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.recurrent.aten_nodes import with_own_operators
from torchferry.serving.export.variants.builders import Builder
from torchferry.serving.export.variants.variants import torch_aoti, torch_compile
from torchferry.serving.session import check_golden, open_variant
from torchferry.serving.session.runtimes import RUNTIMES

# To pickle a function, the compiler's cache asks every loaded module for every name; jsonargparse warns of old ones.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

COMPILED = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
HERE = [name for name, runtime in RUNTIMES.items() if not runtime.lacks]
UNEVEN = "tests.serving.networks.Uneven"


@COMPILED
@pytest.mark.parametrize("builder", [torch_compile, torch_aoti])
def test_what_packs_sequences_is_not_compiled(tmp_path: Path, builder: Builder) -> None:
    program = with_own_operators(traced(Layer(KINDS[1]), KINDS[1].inputs(2, 5)))
    graphs: Any = SimpleNamespace(program=program)
    with pytest.raises(
        CannotBuild, match=r"^it packs samples of their own lengths, which torch cannot compile; serve "
    ):
        builder(graphs, tmp_path / "model.pt2", lambda _: None)
    assert not (tmp_path / "model.pt2").exists()


@pytest.fixture(scope="module")
def everything(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("everything") / "bundle"
    done = run_command("-m", "torchferry", "export", run, "-o", output, "--variants", "all")
    assert done.returncode == 0, done.stderr
    return output


@pytest.mark.slow
@COMPILED
def test_all_variants_are_accepted_and_say_what_they_cost(everything: Path) -> None:
    bundle = bundles.load(everything)
    assert bundle.accepted == HERE
    assert bundle.skipped == {name: runtime.lacks for name, runtime in RUNTIMES.items() if runtime.lacks}
    for variant in bundle.variants.values():
        assert variant.measured.samples == 360
        assert variant.measured.score_drop is not None
        assert variant.measured.score_drop <= 0.005
        assert variant.speed.batch_1_ms > 0
        assert variant.speed.load_seconds > 0
    sizes = {name: variant.bytes for name, variant in bundle.variants.items()}
    assert sizes["onnx-int8"] < 0.4 * sizes["onnx-fp32"]
    assert sizes["onnx-fp16"] < 0.6 * sizes["onnx-fp32"]
    assert "torch" in bundle.provenance
    assert isinstance(bundle.provenance["cpu_features"], list)


@pytest.mark.slow
@COMPILED
@pytest.mark.parametrize("variant", HERE)
def test_each_gives_the_golden_outputs_and_a_flipped_bit_is_found(
    everything: Path, tmp_path: Path, variant: str
) -> None:
    bundle = bundles.load(everything)
    session = open_variant(bundle, variant, threads=1)
    check_golden(session, bundle, variant)
    inputs, _ = bundle.golden()
    one = session.run({name: values[:1] for name, values in inputs.items()})
    assert one["probabilities"].shape == (1, 10)
    assert one["probabilities"].dtype == np.float32
    copy = Path(shutil.copytree(everything, tmp_path / "copy"))
    file = copy / bundle.variants[variant].file
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 16
    file.write_bytes(content)
    with pytest.raises(bundles.BundleError, match="is damaged"):
        open_variant(bundles.load(copy), variant, threads=1)


@pytest.mark.slow
def test_int8_holds_integers_and_the_half_variant_half_floats(everything: Path) -> None:
    graphs = {name: onnx.load(everything / f"variants/onnx-{name}/model.onnx").graph for name in ("int8", "fp16")}
    types = {name: {tensor.data_type for tensor in graph.initializer} for name, graph in graphs.items()}
    assert onnx.TensorProto.INT8 in types["int8"]
    assert onnx.TensorProto.FLOAT16 in types["fp16"]
    assert onnx.TensorProto.FLOAT not in types["fp16"]
    assert graphs["fp16"].input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert graphs["fp16"].output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.slow
def test_the_same_checkpoint_gives_the_same_bytes(run: Path, everything: Path, tmp_path: Path) -> None:
    names = ["onnx-fp32", "onnx-fp16", "onnx-int8"]
    done = run_command("-m", "torchferry", "export", run, "-o", tmp_path / "again", "--variants", ",".join(names))
    assert done.returncode == 0, done.stderr
    for name in names:
        file = f"variants/{name}/model.onnx"
        assert (tmp_path / "again" / file).read_bytes() == (everything / file).read_bytes(), name


def export_uneven(folder: Path, *options: object) -> tuple[int, str, bundles.Bundle]:
    truth = np.arange(200) % 4
    rows = np.eye(8, dtype=np.float32)[truth] + np.random.default_rng(0).normal(scale=0.1, size=(200, 8))
    np.savez(folder / "rows.npz", row=rows, targets=truth)
    (folder / "labels").write_text("a\nb\nc\nd\n")
    options = ("--input", "table:8", "--labels", folder / "labels", "--eval-data", folder / "rows.npz", *options)
    done = run_command(
        "-m", "torchferry", "export", "--model", UNEVEN, "--variants", "onnx-int8", "-o", folder / "b", *options
    )
    return done.returncode, done.stdout + done.stderr, bundles.load(folder / "b")


def test_a_net_that_eight_bits_ruin_is_refused(tmp_path: Path) -> None:
    code, output, bundle = export_uneven(tmp_path)
    assert code == 3, output
    variant = bundle.variants["onnx-int8"]
    assert variant.status == "refused"
    assert variant.reason is not None
    assert "accuracy drops by" in variant.reason
    assert variant.measured.score_drop is not None
    assert variant.measured.score_drop > 0.1


def test_what_eight_bits_ruin_stays_in_float(tmp_path: Path) -> None:
    code, output, bundle = export_uneven(tmp_path, "--model-args", '{"layers": 3}')
    assert code == 0, output
    note = bundle.variants["onnx-int8"].note
    assert note is not None
    assert "of 3 nodes" in note
    assert "with all in int8 accuracy drops by" in note
    assert note in output
