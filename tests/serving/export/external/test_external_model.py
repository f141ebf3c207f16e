"""Models that were never trained here."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import resnet18

from tests.commands import run_command
from tests.serving import networks
from tests.serving.export.external.linear import linear
from torchferry.contract.tasks.classes import Classification
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.export_command import main, parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference
from torchferry.serving.session import open_variant

NETWORKS = "tests.serving.networks"


def export(folder: Path, *options: object, code: int = 0, variants: str = "torch,onnx-fp32") -> str:
    done = run_command("-m", "torchferry", "export", "-o", folder / "bundle", "--variants", variants, *options)
    assert done.returncode == code, done.stderr
    if code == 2:
        assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of noisy pictures, and labels."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number, name in enumerate(("blue", "green", "red")):
        (folder / "eval" / name).mkdir(parents=True)
        for index in range(6):
            pixels = random.integers(0, 120, (40, 40, 3), dtype=np.uint8)
            pixels[..., 2 - number] += 120
            Image.fromarray(pixels).save(folder / "eval" / name / f"{index}.png")
    (folder / "labels").write_text("red\ngreen\nblue\n")
    torch.manual_seed(0)
    state = resnet18(num_classes=3).state_dict()
    save_file(state, folder / "resnet.safetensors")
    torch.save(state, folder / "resnet.pth")
    torch.save({"model": resnet18(num_classes=3)}, folder / "pickle.pth")
    return folder


def resnet(pictures: Path, weights: str = "resnet.safetensors") -> tuple[object, ...]:
    model = ("--model", "torchvision.models.resnet18", "--model-args", '{"num_classes": 3}', "--input", "image:32")
    data = ("--labels", pictures / "labels", "--eval-data", pictures / "eval", "--normalize", "imagenet")
    return (*model, *data, "--weights", pictures / weights)


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["resnet.safetensors", "resnet.pth"])
def test_a_network_of_torchvision_with_weights_and_pictures(pictures: Path, weights: str, tmp_path: Path) -> None:
    export(tmp_path, *resnet(pictures, weights))
    bundle = bundles.load(tmp_path / "bundle")
    assert (bundle.name, bundle.task) == ("resnet18", Classification(labels=("red", "green", "blue")))
    assert bundle.reference["samples"] == 18
    assert not bundle.reference["random"]
    decode = bundle.inputs[0].image
    assert decode is not None
    assert (decode.height, decode.mode) == (32, "RGB")
    torch.manual_seed(0)
    network = resnet18(num_classes=3).eval()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = network((images / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)).softmax(dim=1)
    answered = open_variant(bundle, "onnx-fp32", threads=1).run({"image": images.numpy()})["probabilities"]
    np.testing.assert_allclose(answered, expected, atol=1e-5)


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    inputs = ("--input", "words=tensor:INT64:5", "--input", "numbers=tensor:FP32:4")
    output = export(tmp_path, "--model", f"{NETWORKS}:TwoAndTwo", *inputs)
    assert "2 of 2 variants accepted" in output
    bundle = bundles.load(tmp_path / "bundle")
    assert bundle.reference["random"]
    assert [(spec.name, spec.datatype, spec.shape) for spec in bundle.inputs] == [
        ("words", "INT64", (-1, 5)),
        ("numbers", "FP32", (-1, 4)),
    ]
    assert [(spec.name, spec.datatype, spec.shape) for spec in bundle.outputs] == [
        ("scores", "FP32", (-1, 3)),
        ("best", "INT64", (-1,)),
    ]
    words, numbers = np.ones((3, 5), dtype=np.int64), np.ones((3, 4), dtype=np.float32)
    for variant in bundle.accepted:
        answered = open_variant(bundle, variant, threads=1).run({"words": words, "numbers": numbers})
        assert answered["best"].tolist() == answered["scores"].argmax(axis=1).tolist()


def test_one_output_under_a_name_may_be_classes_and_two_may_not(tmp_path: Path) -> None:
    data = {"row": np.zeros((4, 8), np.float32), "targets": np.array([0, 1, 2, 0])}
    reference = given(tmp_path, "Named", "table:8", "classification", **data)
    assert [(spec.name, spec.shape) for spec in reference.outputs] == [("probabilities", (-1, 3))]
    assert reference.run({"row": data["row"]})["probabilities"].sum(axis=1) == pytest.approx(1)
    words = ["--input", "words=tensor:INT64:5", "--input", "numbers=tensor:FP32:4", "--task", "classification"]
    with pytest.raises(UserError, match=r"--task classification: needs one output .* not \[2, 3\], \[2\]; say"):
        load_given(parser().parse_args(["--model", f"{NETWORKS}.TwoAndTwo", *words]))


def test_large_outputs_may_differ_by_more(tmp_path: Path) -> None:
    """And an input may be called `file`."""
    output = export(tmp_path, "--model", f"{NETWORKS}.Large", "--input", "file=table:8")
    assert "2 of 2 variants accepted" in output
    bundle = bundles.load(tmp_path / "bundle")
    inputs, outputs = bundle.golden()
    assert list(inputs) == ["file"]
    largest = max(variant.measured.max_abs_diff or 0 for variant in bundle.variants.values())
    assert 1e-3 < largest < (bundle.variants["onnx-fp32"].limits["max_abs_diff"] or 0)
    assert np.abs(outputs["output_0"]).max() > 1e4


def test_numbers_that_no_table_has_are_said_in_one_line(tmp_path: Path) -> None:
    words = np.zeros((5, 5), np.int64)
    words[1] = 50  # none of the few that tell the outputs' shapes
    np.savez(tmp_path / "far.npz", words=words, numbers=np.zeros((5, 4), np.float32))
    inputs = ("--input", "words=tensor:INT64:5", "--input", "numbers=tensor:FP32:4")
    data = ("--eval-data", tmp_path / "far.npz")
    output = export(tmp_path, "--model", f"{NETWORKS}:TwoAndTwo", *inputs, *data, code=2)
    assert "TwoAndTwo: does not take its evaluation data at " in output
    assert "IndexError: index out of range" in output


def test_one_logit_is_a_probability(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", row=rows, targets=(rows[:, 0] > 0).astype(np.float32)[:, None])
    data = ("--eval-data", tmp_path / "rows.npz", "--task", "binary")
    export(tmp_path, "--model", f"{NETWORKS}.one_logit", "--model-args", '{"hidden": 3}', "--input", "table:8", *data)
    bundle = bundles.load(tmp_path / "bundle")
    assert [spec.name for spec in bundle.outputs] == ["probability"]
    assert bundle.labels == ("0", "1")
    assert 0 <= bundle.reference["score"] <= 1
    answered = open_variant(bundle, "torch", threads=1).run({"row": rows})["probability"]
    assert ((answered >= 0) & (answered <= 1)).all()


def test_what_torch_export_refuses_is_said_with_the_models_own_line(tmp_path: Path) -> None:
    output = export(tmp_path, "--model", f"{NETWORKS}.Branching", "--input", "table:8", code=2)
    assert f"{networks.__file__}:16, 'if given.sum() > 0:'" in output
    output = export(tmp_path, "--model", f"{NETWORKS}.FixedBatch", "--input", "table:8", code=2)
    assert "its output output_0 is [2, 12] for 3 samples" in output
    # Two samples and three say nothing of what a squeeze does to one.
    output = export(tmp_path, "--model", f"{NETWORKS}.Squeezing", "--input", "table:8", code=2)
    assert "its output output_0 is [] for 1 sample; [batch, ...] is expected" in output


def test_a_network_that_gives_nan_is_refused(tmp_path: Path) -> None:
    output = export(tmp_path, "--model", f"{NETWORKS}.SquareRoot", "--input", "table:8", code=2, variants="torch")
    assert re.search(r"SquareRoot: answers NaN for \d+ of 64 samples that it is judged on, so that no variant", output)
    assert "compared; they are made up; give real ones with --eval-data" in output


@pytest.mark.parametrize("variants", ["torch,onnx-fp32", "onnx-int8,onnx-fp16"])
def test_a_variant_that_cannot_be_built_is_skipped_and_the_others_stay(tmp_path: Path, variants: str) -> None:
    np.savez(tmp_path / "some.npz", input=np.random.default_rng(0).normal(size=(9, 3, 3)).astype(np.float32))
    model = ("--model", f"{NETWORKS}.Eigenvalues", "--input", "tensor:FP32:3x3", "--eval-data", tmp_path / "some.npz")
    output = export(tmp_path, *model, code=3, variants=variants)
    bundle = bundles.load(tmp_path / "bundle")
    assert bundle.accepted == [name for name in variants.split(",") if name == "torch"]
    assert list(bundle.skipped) == [name for name in variants.split(",") if name != "torch"]
    for reason in bundle.skipped.values():
        assert reason == "ONNX has nothing for torch's aten._linalg_eigh"
    assert f"not accepted: {', '.join(bundle.skipped)};" in output
    assert [path.name for path in (tmp_path / "bundle").glob("variants/*")] == bundle.accepted


@pytest.mark.parametrize("name", ["../outside", "", "a b", "1+1", 101 * "x"])
@pytest.mark.parametrize("option", ["--name", "--model-version"])
def test_a_name_is_checked_before_anything_is_built(option: str, name: str) -> None:
    with pytest.raises(UserError, match=rf"{option}: '{re.escape(name)}' cannot be a name; up to 100 letters"):
        main(["--model", "nowhere.to.be_found", "--input", "table:8", option, name])


def test_a_default_name_is_checked_too() -> None:
    with pytest.raises(UserError, match="--name: '_hidden' cannot be a name"):
        main(["--model", "nowhere.to:_hidden", "--input", "table:8"])


def given(folder: Path, model: str, words: str, task: str, **arrays: np.ndarray) -> Reference:
    np.savez(folder / "some.npz", **arrays)  # type: ignore[arg-type]
    options = ["--model", f"{NETWORKS}.{model}", "--input", words, "--eval-data", str(folder / "some.npz")]
    return load_given(parser().parse_args([*options, "--task", task]))


def test_targets_beyond_the_models_classes_are_refused(tmp_path: Path) -> None:
    row = np.zeros((2, 8), np.float32)
    with pytest.raises(UserError, match="--eval-data: 'targets' of sample 1 has class 4, but there are 4 labels"):
        given(tmp_path, "Uneven", "table:8", "classification", row=row, targets=np.array([0, 4]))
    reference = given(tmp_path, "Uneven", "table:8", "classification", row=row, targets=np.array([0, 3]))
    assert Expected(reference).score == 0.5


def test_bad_input_is_said_with_its_option(pictures: Path, tmp_path: Path) -> None:
    table = ("--model", f"{NETWORKS}.one_logit", "--input", "table:8")
    (tmp_path / "two").write_text("a\nb\n")
    np.savez(tmp_path / "wrong.npz", row=np.zeros((5, 7), dtype=np.float32))
    np.savez(tmp_path / "nameless.npz", x=np.zeros((5, 8), dtype=np.float32))
    for name in ("empty.npz", "empty.pth"):
        (tmp_path / name).touch()
    whole = (tmp_path / "wrong.npz").read_bytes()
    (tmp_path / "damaged.npz").write_bytes(whole[:60] + b"\xff" * 40 + whole[100:])
    for options, words in [
        (("--model", f"{NETWORKS}.one_logit"), "--input: is missing"),
        ((*table[:2], "--input", "table:9"), "--input: the model does not take it"),
        (("--model", "nowhere.to.find", "--input", "table:8"), "--model: cannot import 'nowhere.to.find'"),
        ((*table, "--model-args", '{"depth": 3}'), "--model-args.depth: "),
        ((*table, "--model-args", "["), "is not JSON"),
        ((*table, "--labels", tmp_path / "two"), "--labels: has 2 classes, but the model knows 1"),
        ((*table, "--labels", tmp_path / "no"), "--labels: cannot read"),
        ((*table, "--eval-data", tmp_path / "no"), "--eval-data: "),
        ((*table, "--eval-data", tmp_path / "wrong.npz"), "[samples, 8] is expected"),
        ((*table, "--eval-data", tmp_path / "nameless.npz"), "but no 'row'"),
        ((*table, "--eval-data", tmp_path / "empty.npz"), "empty.npz is no folder of images and no .npz"),
        ((*table, "--eval-data", tmp_path / "damaged.npz"), "damaged.npz is no folder of images and no .npz"),
        ((*table, "--weights", tmp_path / "empty.pth"), "--weights: "),
        ((*table, "--weights-key", "ema"), "--weights: is missing; --weights-key and --weights-prefix say what"),
        (("--model", f"{NETWORKS}.Brief", "--input", "table:8"), "output_0 is torch.bfloat16, which no server"),
        ((*table, "--eval-data", pictures / "eval"), "which is for a model of one image"),
        (
            resnet(pictures, "pickle.pth"),
            "is a pickle of more than tensors, which could run code",
        ),
        ((*resnet(pictures), "--model-args", '{"num_classes": 4}'), "--weights: "),
    ]:
        with pytest.raises(UserError, match=re.escape(words)):
            load_given(parser().parse_args(list(map(str, options))))


def test_a_given_name_is_the_bundles(tmp_path: Path) -> None:
    export(tmp_path, "--model", f"{NETWORKS}.one_logit", "--input", "table:8", "--name", "mine", variants="onnx-fp32")
    assert json.loads((tmp_path / "bundle" / "model.json").read_text())["name"] == "mine"


def test_samples_with_missing_values_are_refused_unless_the_user_allows_them(tmp_path: Path) -> None:
    words = ("--model", "torch.nn.Linear", "--model-args", '{"in_features": 3, "out_features": 2}')
    np.savez(tmp_path / "rows.npz", row=np.array([[1, np.nan, 3]], np.float32))
    with pytest.raises(UserError, match="--eval-data: 'row' is NaN in sample 0; --allow-nan says"):
        load_given(parser().parse_args([*words, "--input", "table:3", "--eval-data", str(tmp_path / "rows.npz")]))


def test_what_was_not_given_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(torch.nn.Linear(3, 2).state_dict(), tmp_path / "weights.safetensors")
    np.savez(tmp_path / "rows.npz", row=np.ones((4, 3), np.float32), targets=np.array([0, 1, 0, 1]))
    given = linear(3, 2)
    load_given(parser().parse_args(given))
    said = capsys.readouterr().out.splitlines()
    assert "no --weights: they are as torch.nn.Linear makes them, random unless it loads some" in said
    random = "variants are compared on 64 random samples, and how often they are right is not known"
    assert f"no --eval-data: {random}" in said
    load_given(
        parser().parse_args(
            [*given, "--weights", str(tmp_path / "weights.safetensors"), "--eval-data", str(tmp_path / "rows.npz")]
        )
    )
    assert "no --" not in capsys.readouterr().out


def test_looking_at_a_network_does_not_move_its_statistics() -> None:
    words = ["--model", "torch.nn.BatchNorm1d", "--model-args", '{"num_features": 3}', "--input", "table:3"]
    reference = load_given(parser().parse_args([*words, "--task", "classification"]))
    assert not reference.module.state_dict()["model.network.running_mean"].any()
