"""The types of a folder's weights, from the heads of its files."""

import json
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

from torchferry.errors import UserError
from torchferry.serving.export.external.huggingface.model_folder import shards_of
from torchferry.training.config.instantiate import one_line
from torchferry.training.models.weights_file import ONLY_TENSORS

FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""Safetensors' words."""


def saved_types(weights: Path) -> list[str]:
    """Those of floating-point numbers that become float32, in torch's words. Raises UserError for a file that cannot be
    read, or that is a pickle of more than tensors."""
    files = shards_of(weights) if weights.suffix == ".json" else [weights]
    found = dict.fromkeys(word for file in files for word in _types(file))
    return [word for word in found if word != "float32"]


def _types(file: Path) -> Iterator[str]:
    if file.suffix == ".safetensors":
        words = dict.fromkeys(
            FLOATS.get(str(each.get("dtype")), "") for name, each in _head(file).items() if name != "__metadata__"
        )
        return (word for word in words if word)
    return (str(each.dtype).removeprefix("torch.") for each in _pickled(file) if each.is_floating_point())


def _head(file: Path) -> dict[str, dict[str, str]]:
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > file.stat().st_size:
                raise ValueError("it is shorter than its head says")
            head = json.loads(opened.read(length))
        if not isinstance(head, dict) or not all(isinstance(each, dict) for each in head.values()):
            raise ValueError("its head is no object of tensors")
        return head
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: is no file of safetensors, or was cut short ({error})") from error


def _pickled(file: Path) -> list[torch.Tensor]:
    """Without their values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old pickles, which are read or refused below
            content = torch.load(file, map_location="meta", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(f"{file}: is a pickle of more than tensors, which could run code; {ONLY_TENSORS}") from error
    except Exception as error:  # each kind of damage has an error of its own
        raise UserError(f"{file}: cannot be read: {one_line(error)}") from error
    return [each for each in content.values() if isinstance(each, torch.Tensor)] if isinstance(content, dict) else []
