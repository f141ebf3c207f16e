"""Says where a model comes from that was not trained here: what was asked for, its weights, what it was judged on."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

from torchferry.files import sha256
from torchferry.serving.bundle.bundle import checksums
from torchferry.serving.export.external.given_data import GivenData
from torchferry.serving.export.external.huggingface.model_folder import files_of, is_model_folder, shards_of
from torchferry.serving.export.external.network import origin
from torchferry.serving.export.onnx_graphs.onnx_file import files_beside
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.statement import Origin
from torchferry.training.data.source import Listing

ASKED = ("model_args", "weights_key", "weights_prefix", "input", "task", "task_args", "source", "outputs")
"""The options beside the model and its weights that say what it computes."""


def origin_of_given(options: argparse.Namespace, data: GivenData) -> Origin:
    known = origin(options)
    known.pop("weights_sha256", None)  # one of the steps
    return Origin(
        recipe=known | {name: value for name in ASKED if (value := getattr(options, name))},
        data={"evaluation": _listing(options.eval_data, data.test, data.listings.get("test"))}
        | ({"calibration": _calibration(options, data)} if options.calibration_data or options.source else {}),
        steps={file.name: sha256(file) for file in _files(options)},
    )


def _files(options: argparse.Namespace) -> list[Path]:
    """All that its weights are read from."""
    model, weights = Path(options.model), Path(options.weights or "")
    if is_model_folder(model):
        return files_of(model)
    if model.is_file():
        return [model, *files_beside(model)]
    if weights.suffix == ".json" and weights.is_file():
        return [weights, *shards_of(weights)]
    return [weights] if weights.is_file() else []


def _calibration(options: argparse.Namespace, data: GivenData) -> dict[str, Any]:
    of_source = None if options.calibration_data else data.listings.get("train")
    return _listing(options.calibration_data, data.calibration, of_source)


def _listing(path: Path | None, samples: Samples, of_source: Listing | None) -> dict[str, Any]:
    listed = of_source.sha256 if of_source else None
    return {"samples": samples.count, "sha256": listed if path is None else _digest(path)}


def _digest(path: Path) -> str:
    """Of a folder that of its list of names and checksums."""
    if path.is_file():
        return sha256(path)
    listed = "".join(f"{name} {digest}\n" for name, digest in checksums(path).items())
    return hashlib.sha256(listed.encode()).hexdigest()
