"""The variants of every recipe's network, and of well-known ones of torchvision, give what the network gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.commands import RECIPES, run_command
from tests.serving.seeds import INPUTS, reference
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.trained import load_trained
from torchferry.serving.session import open_variant

VARIANTS = ["torch", "onnx-fp32"]
SMALL_VIT = {"image_size": 64, "patch_size": 16, "num_layers": 2, "num_heads": 4, "hidden_dim": 64, "mlp_dim": 128}
TORCHVISION = [
    ("mobilenet_v3_small", 64, {}),
    ("efficientnet_b0", 64, {}),
    ("VisionTransformer", 64, SMALL_VIT),
    *(
        pytest.param(network, 224, {}, marks=pytest.mark.sweep)
        for network in ("resnet18", "efficientnet_b0", "vit_b_16")
    ),
]


def check(reference: Reference, bundle: Bundle) -> None:
    assert bundle.accepted == VARIANTS
    batches = [reference.test.repeated(samples) for samples in (1, 3, 8)]
    expected = [reference.run(inputs) for inputs in batches]
    for variant in bundle.accepted:
        session = open_variant(bundle, variant, threads=2)
        for inputs, outputs in zip(batches, expected, strict=True):
            answered = session.run(inputs)
            for name, values in outputs.items():
                np.testing.assert_allclose(answered[name], values, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", INPUTS)
def test_networks_of_the_recipes(recipe: str, seeds: Path) -> None:
    check(reference(recipe), bundles.load(seeds / recipe))


@pytest.mark.slow
@pytest.mark.parametrize(("network", "size", "arguments"), TORCHVISION)
def test_networks_of_torchvision(network: str, size: int, arguments: dict[str, int], tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 3, size, size), dtype=np.uint8)
    np.savez(tmp_path / "few.npz", image=images)
    options = ["--model", f"torchvision.models.{network}", "--model-args", json.dumps(arguments)]
    options += ["--input", f"image:{size}", "--task", "classification"]
    of_torchvision = load_given(parser().parse_args([*options, "--eval-data", str(tmp_path / "few.npz")]))
    check(of_torchvision, export(of_torchvision, tmp_path / "bundle", VARIANTS, {}, "1.0"))


@pytest.mark.parametrize("recipe", ["linear-regression", "logistic-regression", "two-layer-net", "housing-regression"])
def test_runs_of_recipes_for_tables(recipe: str, tmp_path: Path) -> None:
    diabetes = ("--data.source.args.loader", '{"name": "sklearn.datasets.load_diabetes"}',
                "--model.args.widths", "[10, 64, 64, 1]")  # fmt: skip
    options = diabetes if recipe == "housing-regression" else ()
    quick = ("--max_steps", 3, "--metrics.port", "null", "--metrics.tensorboard", "false")
    done = run_command(
        "-m", "torchferry.training", "--config", RECIPES / f"{recipe}.yaml", "--runs_dir", tmp_path, *quick, *options
    )
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.iterdir()
    trained = load_trained(run)
    check(trained, export(trained, tmp_path / "bundle", VARIANTS, {}, "1.0"))
