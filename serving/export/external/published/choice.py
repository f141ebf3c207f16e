"""Chooses the preprocessing of a network: what the user names, or what comes with its weights or itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.published.huggingface_file import FILE, huggingface_file
from torchferry.serving.export.external.published.preprocessing import PICTURE, Preprocessing
from torchferry.serving.export.external.published.timm_config import timm_config
from torchferry.serving.export.external.published.torchvision_preset import torchvision_preset
from torchferry.training.models.torchvision_preset import NAME


def preprocessing_of(
    named: str | None,
    weights: str | None,
    network: nn.Module | None,
    inputs: Sequence[str],
    said: Mapping[str, Any] | None = None,
) -> Preprocessing | None:
    """`named` by --preprocess; else that of torchvision's `weights`, of a file beside those, or in their folder, or the
    network's own. None where nothing is known, where no input is a picture, and where the user has `said` all that a
    file beside the weights could. Raises UserError for what cannot be read or done."""
    if not any(map(PICTURE.fullmatch, inputs)):
        if named is not None:
            raise UserError("--preprocess: is for pictures, and no --input is one")
        return None
    if named is not None:
        return _named(named)
    is_there = weights is not None and Path(weights).exists()
    if weights and not is_there and NAME.fullmatch(weights):
        return torchvision_preset(weights, "--weights")
    if weights and is_there and (beside := _folder(Path(weights)) / FILE).is_file():
        return None if _is_all_said(inputs, said or {}) else huggingface_file(beside)
    return None if network is None else timm_config(network)


def _folder(weights: Path) -> Path:
    return weights if weights.is_dir() else weights.parent


def _is_all_said(inputs: Sequence[str], said: Mapping[str, Any]) -> bool:
    pictures = [found for text in inputs if (found := PICTURE.fullmatch(text))]
    constants = "normalize" in said or {"mean", "std"} <= set(said)
    return all(found["size"] for found in pictures) and {"resize", "interpolation"} <= set(said) and constants


def taken(
    published: Preprocessing | None, texts: Sequence[str], said: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """--input with its sizes, and the arguments of its pictures: what the user `said`, and for the rest what is
    `published`, which is printed. Raises UserError for what does not go together."""
    if published is None:
        return list(texts), dict(said)
    sized, arguments = published.sized(texts, said), published.beside(said)
    print(published.line(texts, said), flush=True)
    return sized, arguments


def _named(name: str) -> Preprocessing:
    if Path(name).exists():
        return huggingface_file(Path(name))
    if NAME.fullmatch(name):
        return torchvision_preset(name, "--preprocess")
    raise UserError(
        f"--preprocess: '{name}' is neither a file such as {FILE} nor one of torchvision's weights, such as "
        "torchvision.models.ResNet18_Weights.DEFAULT"
    )
