"""Files of weights: what one holds is found from its content, whatever its name ends with."""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.serialization import safe_globals

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line

ONLY_TENSORS = "save its state_dict() alone (torch.load with weights_only=False where you trust it, then torch.save)"
LONGEST_HEAD = 100_000_000
"""Bytes that safetensors takes for its header."""
FOREIGN = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself; git lfs pull fetches that",
    b"<": "is a page of HTML or XML, perhaps instead of a download that failed",
    b"\x89HDF": "is an HDF5 file, as Keras writes it; save the weights with torch.save or safetensors",
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
}


class LeftOut:
    """Stands where a pickle names one of BESIDE, whose module is not even imported; takes anything, keeps nothing."""

    def __init__(self, *_: object) -> None: ...
    def __setstate__(self, _: object) -> None: ...


# What people's checkpoints hold beside weights, hyper parameters and scores, and what is made instead.
BESIDE: dict[str, Callable[..., object]] = dict.fromkeys(
    (
        *("argparse.Namespace", "typing.Any", "datetime.datetime", "datetime.timedelta"),
        *(f"{module}.{kind}Path" for module in ("pathlib", "pathlib._local") for kind in ("", "Posix", "Windows")),
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
        *("numpy.dtype", "numpy.ndarray", "omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig"),
        *("omegaconf.nodes.AnyNode", "omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata"),
    ),
    LeftOut,
) | dict.fromkeys(
    (  # the unpickler fills dicts alone
        *("lightning_fabric.utilities.data.AttributeDict", "lightning.fabric.utilities.data.AttributeDict"),
        "pytorch_lightning.utilities.parsing.AttributeDict",
    ),
    dict,
)


def read(path: Path) -> Any:
    """What the file holds, its tensors on the CPU: of safetensors and of an index of shards a dict of tensors.

    No code of a file runs: only tensors and plain values are unpickled. Raises UserError for a file that cannot be
    read, or whose pickle needs more.
    """
    try:
        if path.is_dir():
            raise UserError(f"weights.source: {path} is a folder; name the file in it{_files_in(path)}")
        with path.open("rb") as file:
            begins = file.read(64)
        if not begins:
            raise UserError(f"weights.source: {path} is empty")
        if is_safetensors(begins):
            if path.stat().st_size < 8 + _header_bytes(begins):
                raise EOFError
            return load_file(path)
        if begins.lstrip()[:1] == b"{":
            return _shards(path)
        return _unpickled(path, begins)
    except UserError:
        raise
    except (EOFError, struct.error, zipfile.BadZipFile) as error:
        raise UserError(f"weights.source: {path} was cut short, or is damaged; fetch it again") from error
    except Exception as error:  # each kind of damage has an error of its own
        raise UserError(f"weights.source: cannot read {path}: {one_line(error)}") from error


def is_safetensors(begins: bytes) -> bool:
    """By the first nine bytes of a file: the length of its JSON header, in eight, and the header."""
    return begins[8:9] == b"{" and _header_bytes(begins) <= LONGEST_HEAD


def _header_bytes(begins: bytes) -> int:
    return int.from_bytes(begins[:8], "little")


def _unpickled(path: Path, begins: bytes) -> Any:
    for beginning, words in FOREIGN.items():
        if begins.lstrip().startswith(beginning):
            raise UserError(f"weights.source: {path} {words}")
    if begins.startswith(b"PK") and any(name.endswith("/constants.pkl") for name in zipfile.ZipFile(path).namelist()):
        raise UserError(f"weights.source: {path} is a TorchScript archive, which holds code; {ONLY_TENSORS}")
    refusal = f"weights.source: {path} is a pickle of more than tensors, which could run code; {ONLY_TENSORS}"
    try:
        # An open file, because torch goes by the ending of a name.
        with path.open("rb") as file, safe_globals([(instead, name) for name, instead in BESIDE.items()]):
            content = torch.load(file, "cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(refusal) from error
    if isinstance(content, LeftOut):
        raise UserError(refusal)
    return content


def _shards(index: Path) -> dict[str, torch.Tensor]:
    """All the tensors that an index of Hugging Face's names, from the files beside it."""
    places = json.loads(index.read_text()).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
        raise UserError(f"weights.source: {index} is JSON, but no index of shards (it has no weight_map)")
    content: dict[str, torch.Tensor] = {}
    for file in dict.fromkeys(places.values()):
        content |= read(index.parent / file)
    if lost := [name for name in places if name not in content]:
        raise UserError(f"weights.source: {index} names {lost[0]} in {places[lost[0]]}, which has none")
    return content


def _files_in(folder: Path) -> str:
    likely = sorted(folder.glob("*.index.json")) or sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")])
    return f", such as {likely[0]}" if likely else ""
