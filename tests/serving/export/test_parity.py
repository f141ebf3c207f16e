"""The variants of every seed recipe's net, and of well-known ones of torchvision, give what the net gives."""

from pathlib import Path

import numpy as np
import pytest

from serving.export.build_bundle import export
from serving.export.command import parser
from serving.export.given import load_given
from serving.export.reference import Reference
from serving.export.trained import load_trained
from serving.session import open_variant
from tests.commands import RECIPES, run_command

SEEDS = "training.models.seed_nets"
NETS = {
    "mlp-mnist": (f"{SEEDS}.MLP", "image:L:28", '{"widths": [784, 128, 64, 10]}'),
    "cnn-mnist": (f"{SEEDS}.MnistCNN", "image:L:28", "{}"),
    "cnn-cifar10": (f"{SEEDS}.CifarCNN", "image:32", "{}"),
    "cnn2-cifar10": (f"{SEEDS}.Cifar2CNN", "image:32", "{}"),
    "convnet-224": (f"{SEEDS}.ConvNet224", "image:224", "{}"),
    "resnet18-finetune": ("torchvision.models.resnet18", "image:32", '{"num_classes": 10}'),
    "resnet18": ("torchvision.models.resnet18", "image:224", "{}"),
    "mobilenet_v3_small": ("torchvision.models.mobilenet_v3_small", "image:224", "{}"),
    "vit_b_16": ("torchvision.models.vit_b_16", "image:224", "{}"),
    "efficientnet_b0": ("torchvision.models.efficientnet_b0", "image:224", "{}"),
}


def check(reference: Reference, folder: Path) -> None:
    bundle = export(reference, folder / "bundle", ["torch", "onnx-fp32"], {}, "1.0")
    assert bundle.accepted == ["torch", "onnx-fp32"]
    batches = [reference.test.repeated(samples) for samples in (1, 3, 8)]
    expected = [reference.run(inputs) for inputs in batches]
    for variant in bundle.accepted:
        session = open_variant(bundle, variant, threads=2)
        for inputs, outputs in zip(batches, expected, strict=True):
            answered = session.run(inputs)
            for name, values in outputs.items():
                np.testing.assert_allclose(answered[name], values, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("net", NETS)
def test_image_nets(net: str, tmp_path: Path) -> None:
    model, words, arguments = NETS[net]
    size = int(words.rpartition(":")[2])
    shape = (8, 1 if ":L:" in words else 3, size, size)
    np.savez(tmp_path / "few.npz", image=np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    options = ["--model", model, "--model-args", arguments, "--input", words, "--task", "classification"]
    reference = load_given(parser().parse_args([*options, "--eval-data", str(tmp_path / "few.npz")]))
    check(reference, tmp_path)


@pytest.mark.parametrize("recipe", ["linear-regression", "logistic-regression", "two-layer-net", "housing-regression"])
def test_recipes_for_tables(recipe: str, tmp_path: Path) -> None:
    diabetes = ("--data.source.args.loader", '{"name": "sklearn.datasets.load_diabetes"}',
                "--model.args.widths", "[10, 64, 64, 1]")  # fmt: skip
    options = diabetes if recipe == "housing-regression" else ()
    quick = ("--max_steps", 3, "--metrics.port", "null", "--metrics.tensorboard", "false")
    done = run_command(
        "-m", "training", "--config", RECIPES / f"{recipe}.yaml", "--runs_dir", tmp_path, *quick, *options
    )
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.iterdir()
    check(load_trained(run), tmp_path)
