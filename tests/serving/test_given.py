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

from serving import bundle as bundles
from serving.errors import UserError
from serving.export.command import parser
from serving.export.given import load_given
from serving.session import open_variant
from tests.conftest import run_command
from tests.serving import networks

NETWORKS = "tests.serving.networks"


def export(folder: Path, *options: object, code: int = 0, variants: str = "torch,onnx-fp32") -> str:
    done = run_command("-m", "serving", "export", "-o", folder / "bundle", "--variants", variants, *options)
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


@pytest.mark.parametrize("weights", ["resnet.safetensors", "resnet.pth"])
def test_a_network_of_torchvision_with_weights_and_pictures(pictures: Path, weights: str, tmp_path: Path) -> None:
    export(tmp_path, *resnet(pictures, weights))
    bundle = bundles.load(tmp_path / "bundle")
    assert (bundle.name, bundle.task, bundle.labels) == ("resnet18", "classification", ("red", "green", "blue"))
    assert bundle.reference["samples"] == 18
    assert not bundle.reference["random"]
    assert bundle.decode is not None
    assert (bundle.decode.height, bundle.decode.mode) == (32, "RGB")
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


def test_one_logit_is_a_probability(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", row=rows, targets=(rows[:, 0] > 0).astype(np.float32)[:, None])
    data = ("--eval-data", tmp_path / "rows.npz", "--task", "binary")
    export(tmp_path, "--model", f"{NETWORKS}.one_logit", "--model-args", '{"hidden": 3}', "--input", "table:8", *data)
    bundle = bundles.load(tmp_path / "bundle")
    assert [spec.name for spec in bundle.outputs] == ["probability"]
    assert bundle.labels == ("0", "1")
    assert 0 <= bundle.reference["accuracy"] <= 1
    answered = open_variant(bundle, "torch", threads=1).run({"row": rows})["probability"]
    assert ((answered >= 0) & (answered <= 1)).all()


def test_what_torch_export_refuses_is_said_with_the_models_own_line(tmp_path: Path) -> None:
    output = export(tmp_path, "--model", f"{NETWORKS}.Branching", "--input", "table:8", code=2)
    assert f"{networks.__file__}:16, 'if given.sum() > 0:'" in output
    output = export(tmp_path, "--model", f"{NETWORKS}.FixedBatch", "--input", "table:8", code=2)
    assert "its output output_0 is [2, 12] for 3 samples" in output


def test_bad_input_is_said_with_its_option(pictures: Path, tmp_path: Path) -> None:
    table = ("--model", f"{NETWORKS}.one_logit", "--input", "table:8")
    (tmp_path / "two").write_text("a\nb\n")
    np.savez(tmp_path / "wrong.npz", row=np.zeros((5, 7), dtype=np.float32))
    np.savez(tmp_path / "nameless.npz", x=np.zeros((5, 8), dtype=np.float32))
    for options, words in [
        (("--model", f"{NETWORKS}.one_logit"), "--input: is missing"),
        ((*table[:2], "--input", "video:3"), "--input: 'video:3' is not understood; image:224"),
        ((*table[:2], "--input", "tensor:FP99:3"), "a tensor's datatype is one of FP32, INT64"),
        ((*table[:2], "--input", "image:0"), "a size is 1 or more"),
        ((*table[:2], "--input", "table:9"), "--input: the model does not take it"),
        (("--model", "nowhere.to.find", "--input", "table:8"), "--model: cannot import 'nowhere.to.find'"),
        ((*table, "--model-args", '{"depth": 3}'), "--model-args: "),
        ((*table, "--model-args", "["), "is not JSON"),
        ((*table, "--labels", tmp_path / "two"), "--labels: has 2 classes, but the model knows 1"),
        ((*table, "--labels", tmp_path / "no"), "--labels: cannot read"),
        ((*table, "--eval-data", tmp_path / "no"), "--eval-data: "),
        ((*table, "--eval-data", tmp_path / "wrong.npz"), "[samples, 8] is expected"),
        ((*table, "--eval-data", tmp_path / "nameless.npz"), "but no 'row'"),
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
