"""The untrained network of every recipe as a bundle, for all tests that ask a session or a server about them."""

import json
from pathlib import Path

import torch
import yaml

from tests.commands import RECIPES
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference

INPUTS = {
    "cnn-cifar10": "image:32",
    "cnn-fashion-mnist": "image:L:28",
    "cnn-mnist": "image:L:28",
    "cnn2-cifar10": "image:32",
    "convnet-224": "image:224",
    "digits": "image:L:8",
    "housing-regression": "table:8",
    "linear-regression": "table:1",
    "logistic-regression": "table:30",
    "mlp-mnist": "image:L:28",
    "resnet18-finetune": "image:32",
    "resnet9-cifar10": "image:32",
    "two-layer-net": "table:1000",
}
"""What each recipe's network takes."""


def reference(recipe: str) -> Reference:
    """The same weights and samples each time."""
    content, words = yaml.safe_load((RECIPES / f"{recipe}.yaml").read_text()), INPUTS[recipe]
    task = "classification" if words.startswith("image") else "binary" if content["task"] == "binary" else "tensors"
    options = ["--model", content["model"]["name"], "--model-args", json.dumps(content["model"].get("args", {}))]
    options += ["--input", words, "--name", recipe, "--task", task]
    torch.manual_seed(0)
    return load_given(parser().parse_args(options))


def export_all(folder: Path) -> None:
    """A bundle `folder`/RECIPE of each."""
    for recipe in INPUTS:
        export(reference(recipe), folder / recipe, ["torch", "onnx-fp32"], {}, "1.0")
