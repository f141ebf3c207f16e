import dataclasses
import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.commands import ROOT, run_command
from tests.serving import tiny_bundle
from tests.serving.dependent import AcrossSamples
from tests.serving.openvino import MISSING
from tests.serving.tiny_bundle import described, variant
from tests.waiting import wait_until
from torchferry.errors import GateError, UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.export import export_command
from torchferry.serving.export.formats.triton_variants import UNLIKE_OURS
from torchferry.serving.session import open_variant
from torchferry.training.models.saved import evaluation_data, load_model


def test_both_variants_are_measured_on_the_whole_test_set(run: Path, bundle: Path) -> None:
    loaded = bundles.load(bundle)
    assert loaded.accepted == ["torch", "onnx-fp32"]
    for found in loaded.variants.values():
        assert found.measured.samples == loaded.reference["samples"] == 360
        assert found.measured.score == pytest.approx(load_model(run)[1].result["accuracy"])
        assert (difference := found.measured.max_abs_diff) is not None
        assert difference < 1e-5
        assert found.bytes == (bundle / found.file).stat().st_size


@pytest.mark.parametrize("variant", ["torch", "onnx-fp32"])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_variant_gives_the_checkpoints_probabilities_at_any_batch(
    run: Path, bundle: Path, variant: str, batch: int
) -> None:
    model, card = load_model(run)
    images = evaluation_data(card).test[:batch][0]
    session = open_variant(bundles.load(bundle), variant, threads=1)
    answered = session.run({"image": images.numpy()})["probabilities"]
    with torch.no_grad():
        np.testing.assert_allclose(answered, model(images).softmax(dim=1).numpy(), atol=1e-6)
    np.testing.assert_allclose(answered.sum(axis=1), 1, atol=1e-5)


def test_the_onnx_graph_takes_any_batch_and_names_nothing_of_this_machine(bundle: Path) -> None:
    file = bundle / "variants" / "onnx-fp32" / "model.onnx"
    graph = onnx.load(file).graph
    assert [tensor.name for tensor in graph.input] == ["image"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for path in bundle.rglob("*"):
        if path.is_file():
            assert str(Path(__file__).parents[2]).encode() not in path.read_bytes(), path


def test_the_same_checkpoint_gives_the_same_onnx_bytes(run: Path, bundle: Path, tmp_path: Path) -> None:
    done = run_command("-m", "torchferry", "export", run, "--variants", "onnx-fp32", "-o", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    name = "variants/onnx-fp32/model.onnx"
    assert (tmp_path / "again" / name).read_bytes() == (bundle / name).read_bytes()


def test_what_serves_is_chosen_said_and_written_down(run: Path, tmp_path: Path) -> None:
    options = ("--variants", "onnx-fp32,onnx-fp16", "--serve", "onnx-fp16")
    done = run_command("-m", "torchferry", "export", run, "-o", tmp_path / "b", *options)
    assert done.returncode == 0, done.stderr
    choice = bundles.load(tmp_path / "b").choice
    assert choice is not None
    assert choice.variant == "onnx-fp16"
    assert f"serves onnx-fp16: {choice.reason}\n" in done.stdout
    assert choice.reason.startswith("it was asked for; accuracy ")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["checkpoint", "begins"], ["onnx-fp32", "begins"], ["onnx-fp32", "accepted"], ["onnx-fp16", "begins"]
    ]  # fmt: skip


def test_what_was_to_serve_and_is_refused_is_exit_code_3(run: Path, tmp_path: Path) -> None:
    options = ("--serve", "onnx-fp32", "--variants", "all", "--max-abs-diff", "-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_command, "export", lambda *_: bundles.load(tmp_path))
        bundles.write(described(tmp_path, variants={"torch": variant(), "onnx-fp32": variant(status="refused")}))
        with pytest.raises(GateError, match=r"^not accepted: onnx-fp32; "):
            export_command.main([str(run), "-o", str(tmp_path / "b"), *options])


def test_a_refused_variant_stays_with_its_numbers_and_is_not_archived(run: Path, tmp_path: Path) -> None:
    impossible = ("--max-abs-diff", "-1")
    done = run_command("-m", "torchferry", "export", run, "-o", tmp_path / "b", "--variants", "onnx-fp32", *impossible)
    assert done.returncode == 3
    assert "not accepted: onnx-fp32;" in done.stderr
    refused = json.loads((tmp_path / "b" / "model.json").read_text())["variants"]["onnx-fp32"]
    assert refused["status"] == "refused"
    assert "outputs differ by" in refused["reason"]
    assert refused["measured"]["samples"] == 360
    archived = run_command("-m", "torchferry", "archive", tmp_path / "b")
    assert archived.returncode == 2
    assert "no accepted variant" in archived.stderr


def test_an_existing_bundle_is_left_as_it_is(run: Path, bundle: Path) -> None:
    before = (bundle / "model.json").read_bytes()
    done = run_command("-m", "torchferry", "export", run)
    assert (done.returncode, f"{bundle}: exists already" in done.stderr) == (2, True)
    assert (bundle / "model.json").read_bytes() == before


@pytest.mark.usefixtures("without_openvino")
def test_a_variant_that_is_named_and_cannot_be_made_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(f'--variants: {MISSING}')}$"):
        export_command.main([str(tmp_path), "--variants", "onnx-fp32,openvino-fp32"])


def test_bad_input_is_refused_with_2_in_one_line_and_leaves_nothing(run: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(run / "model", tmp_path / "run" / "model")).parent
    weights = broken / "model" / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for arguments, words in [
        ((tmp_path / "nowhere",), "nowhere: is not there; give a run folder, or a file or a folder with a model"),
        ((tmp_path,), "is not a finished run folder"),
        ((broken,), "is damaged"),
        ((run, "--variants", "onnx-fp7"), "there is no variant 'onnx-fp7'"),
        ((run, "--max-abs-diff", "nan"), "nan is not a finite number"),
        ((run, "--serve", "onnx-fp33"), "there is no variant 'onnx-fp33'; did you mean onnx-fp32?"),
        ((run, "--serve", "onnx-fp16"), "onnx-fp16 is not built; --variants are torch,onnx-fp32,onnx-int8"),
        ((run, "--max-batch", "0"), "--max-batch: 0 is not a whole number above 0"),
        (given("AcrossSamples"), "model: its samples are not independent: 'output_0' of a sample differs by"),
        ((), "give a run folder, or a model: a file, a folder, or an import path"),
        ((run, "--allow-nan"), "--allow-nan: is for --model"),
        ((run, "--eval-data", run), "--eval-data: is for --model; a run is judged on its own data"),
        ((run, "--source", "digits"), "--source: is for --model; a run is judged on its own data"),
        ((run, "-o", "/proc/nowhere/x"), "cannot be made"),
    ]:
        done = run_command("-m", "torchferry", "export", "-o", tmp_path / "bundle", *arguments)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("format_", ["triton", "kserve"])
@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--serve", "onnx-int8"], "--serve: every accepted ONNX variant becomes a model of Triton's, and who asks"),
        (["--variants", "onnx-fp32"], "--variants: every accepted ONNX variant becomes a model of Triton's; "),
        (["--max-batch", "1"], "--max-batch: it stands in the bundle, from where --format "),
        (["--name", "other"], "--name: it is for making a bundle, and --format "),
        (["--model-version", "2.0"], "--model-version: it is for making a bundle"),
        (["--max-abs-diff", "0.1"], "--max-abs-diff: it is for making a bundle"),
        (["--no-antialias"], "--no-antialias: it is for making a bundle"),
        (["--allow-nan"], "--allow-nan: it is for making a bundle"),
        (["--input", "image:8"], "--input: it is for making a bundle"),
    ],
)
def test_what_a_format_would_not_heed_is_refused(tmp_path: Path, format_: str, option: list[str], words: str) -> None:
    where = ["--storage-uri", "s3://models/x"] if format_ == "kserve" else []
    with pytest.raises(UserError, match=f"^{re.escape(words)}.*leave it out$"):
        export_command.main(["bundle", "--format", format_, *where, "-o", str(tmp_path / "x"), *option])
    assert not list(tmp_path.iterdir())


def test_where_it_lies_is_for_kserve_alone(tmp_path: Path) -> None:
    where = ["--storage-uri", "s3://models/x", "-o", str(tmp_path / "x")]
    with pytest.raises(UserError, match=r"^--storage-uri: it is for --format kserve, .*; leave it out$"):
        export_command.main(["bundle", "--format", "triton", *where])
    with pytest.raises(UserError, match=r"^--storage-uri: is for --format kserve"):
        export_command.main(["run", *where])


def test_triton_gets_all_and_the_bundles_choice_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tiny_bundle.written(tmp_path)
    both = {"onnx-fp32": variant(), "onnx-int8": variant()}
    choice = Choice(variant="onnx-int8", reason="it was asked for")
    bundles.write(dataclasses.replace(made, variants=both, choice=choice))
    export_command.main([str(made.root), "--format", "triton", "-o", str(tmp_path / "x")])
    names = ["tiny-onnx-fp32", "tiny-onnx-int8"]
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == names
    assert capsys.readouterr().out.splitlines() == [
        f"{', '.join(names)} in {tmp_path / 'x'}",
        "who asks Triton names one of them; the bundle's own choice is tiny-onnx-int8: it was asked for",
    ]


def test_a_choice_that_triton_does_not_serve_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tiny_bundle.written(tmp_path)
    both = {"onnx-fp32": variant(), "openvino-fp32": variant()}
    bundles.write(dataclasses.replace(made, variants=both, choice=Choice(variant="openvino-fp32", reason="quick")))
    export_command.main([str(made.root), "--format", "triton", "-o", str(tmp_path / "x")])
    said = f"the bundle's own choice, openvino-fp32, is not among them: {UNLIKE_OURS}"
    assert capsys.readouterr().out.splitlines()[1:] == [said]


def given(network: str) -> tuple[str, ...]:
    """One of the tests' networks."""
    return ("--model", f"tests.serving.dependent.{network}", "--input", "row=table:8", "--variants", "onnx-fp32")


def test_what_depends_on_its_company_is_exported_for_one_at_a_time(tmp_path: Path) -> None:
    done = run_command("-m", "torchferry", "export", *given("AcrossSamples"), "--max-batch", "1", "-o", tmp_path / "b")
    assert done.returncode == 0, done.stderr
    assert "servers compute at most 1 sample together (--max-batch)" in done.stdout
    loaded = bundles.load(tmp_path / "b")
    assert loaded.max_batch == 1
    inputs, expected = loaded.golden()
    network = AcrossSamples().eval()
    with torch.no_grad():
        alone = [network(torch.from_numpy(row[None])).numpy() for row in inputs["row"]]
    np.testing.assert_allclose(expected["output_0"], np.concatenate(alone), atol=1e-6)
    session = open_variant(loaded, "onnx-fp32", threads=1)
    np.testing.assert_allclose(session.run(inputs)["output_0"], expected["output_0"], atol=1e-5)


def test_of_two_exports_into_one_folder_one_is_refused(run: Path, tmp_path: Path) -> None:
    command = ("-m", "torchferry", "export", run, "-o", tmp_path / "b", "--variants", "onnx-fp32")
    with ThreadPoolExecutor(2) as threads:
        both = [export.result() for export in [threads.submit(run_command, *command) for _ in range(2)]]
    assert sorted(done.returncode for done in both) == [0, 2], both
    assert "exists already" in "".join(done.stderr for done in both)
    assert bundles.load(tmp_path / "b").accepted == ["onnx-fp32"]
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("small_disk", [1], indirect=True)
def test_a_full_disk_leaves_nothing_half_written(run: Path, small_disk: Path) -> None:
    done = run_command("-m", "torchferry", "export", run, "-o", small_disk / "b", "--variants", "torch,onnx-fp32")
    assert done.returncode == 2, done.stderr
    assert f"{small_disk / 'b'}: no space is left" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(small_disk.iterdir())


@pytest.mark.slow
def test_sigterm_leaves_nothing_half_written(run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torchferry", "export", str(run), "-o", str(tmp_path / "bundle")]
    with subprocess.Popen(command, cwd=ROOT) as export:
        wait_until(lambda: any(tmp_path.iterdir()))
        export.terminate()
    assert export.returncode == 143
    assert not list(tmp_path.iterdir())
