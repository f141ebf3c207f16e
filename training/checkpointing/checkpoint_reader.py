"""Reads what torch.distributed.checkpoint wrote, and runs nothing that is planted in it.

`.metadata` is a pickle, and so is every entry that is no tensor. torch reads both with pickle's own loader, which calls
whatever they name. Here they may name what a checkpoint of ours is made of, and nothing else.
"""

import collections
import io
import pathlib
import pickle
import re
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch.distributed.checkpoint import DefaultLoadPlanner, FileSystemReader, LoadPlan, LoadPlanner
from torch.distributed.checkpoint import filesystem as dcp_files
from torch.distributed.checkpoint import metadata as dcp_metadata
from torch.distributed.checkpoint._nested_dict import flatten_state_dict
from torch.distributed.checkpoint._traverse import set_element
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import LoadItemType, ReadItem
from torch.futures import Future

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.state import FORMER, _Kept

METADATA = ".metadata"
# By the module and name that a pickle gives; a dotted name, which could lead out of a class, is none of these.
OF_METADATA = {
    (kind.__module__, kind.__name__): kind
    for kind in (
        dcp_metadata.Metadata,
        dcp_metadata.MetadataIndex,
        dcp_metadata.StorageMeta,
        dcp_metadata.TensorStorageMetadata,
        dcp_metadata.BytesStorageMetadata,
        dcp_metadata.ChunkStorageMetadata,
        dcp_metadata.TensorProperties,
        dcp_metadata._MEM_FORMAT_ENCODING,
        dcp_files._StorageInfo,
        torch.Size,
    )
} | {
    ("torch.serialization", "_get_layout"): torch.serialization._get_layout,
    ("pathlib", "PosixPath"): pathlib.PosixPath,
    ("pathlib._local", "PosixPath"): pathlib.PosixPath,  # Python 3.13's name for it
}
# What numpy's arrays, numbers and generators are made by when they are read back.
MAKERS: list[Any] = [value.__reduce__()[0] for value in (np.zeros(1), np.float64(0))]
GENERATORS: list[Any] = [value.__reduce__()[0] for value in (np.random.MT19937(0), np.random.RandomState(0))]
DTYPES = {type(np.dtype(code)) for code in f"?{np.typecodes['AllInteger']}{np.typecodes['Float']}"}
# What an entry may name beside torch's own list of tensors and plain values: arrays and numbers of numpy with its
# generator, which PowerSGD keeps, MultiStepLR's milestones, and our own class, by its present and its former path.
OF_ENTRIES: list[Any] = [
    *(_Kept, (_Kept, f"{FORMER}._Kept"), collections.Counter),
    *(np.ndarray, np.dtype, *DTYPES, np.random.MT19937, np.random.RandomState, *GENERATORS),
    *((maker, f"numpy.{core}.multiarray.{maker.__name__}") for maker in MAKERS for core in ("core", "_core")),
]


class CheckpointReader(FileSystemReader):
    """A FileSystemReader for a checkpoint that anybody may have written.

    Raises UserError, on every rank that reads it, for a file that names anything else and for one that is damaged.
    """

    def read_metadata(self, *_: Any, **__: Any) -> Metadata:
        file = Path(self.path) / METADATA
        try:
            with file.open("rb") as content:
                metadata = _MetadataUnpickler(content, file).load()
            # Those of a checkpoint lie beside its list; a path such as ../x would be read from elsewhere.
            strays = [path for path in _paths(metadata) if PurePath(path).name != path]
        except UserError:
            raise
        except Exception as error:  # what damaged bytes raise depends on where they are damaged
            raise UserError(f"{file}: cannot be read: {one_line(error)}") from error
        if strays:
            raise UserError(f"{file}: names {strays[0]}, which is no file of this checkpoint")
        if metadata.storage_meta is None:
            metadata.storage_meta = dcp_metadata.StorageMeta()
        metadata.storage_meta.load_id = self.load_id
        return metadata

    def read_data(self, plan: LoadPlan, planner: LoadPlanner) -> Future[None]:
        entries = [item for item in plan.items if item.type == LoadItemType.BYTE_IO]
        tensors = [item for item in plan.items if item.type != LoadItemType.BYTE_IO]
        for item in entries:
            stored = self.storage_data[item.storage_index]
            with (Path(self.path) / stored.relative_path).open("rb") as file:
                file.seek(stored.offset)
                content = file.read(stored.length)
            _put(planner, item, read_entry(content, f"{Path(self.path) / stored.relative_path}"))
        return super().read_data(LoadPlan(tensors, plan.storage_data, plan.planner_data), planner)


def files_of(checkpoint: Path) -> set[str]:
    """The names of the files that `.metadata` says its entries are in. Raises UserError."""
    return set(_paths(CheckpointReader(checkpoint).read_metadata()))


def read_entry(content: bytes, file: str) -> Any:
    """What an entry that is no tensor holds. Raises UserError that says `file`."""
    try:
        with torch.serialization.safe_globals(OF_ENTRIES):
            return torch.load(io.BytesIO(content), "cpu", weights_only=True)
    except Exception as error:  # as above
        raise UserError(f"{file}: {_refusal(error)}") from error


def check_readable(state: dict[str, Any], what: str) -> None:
    """Raise UserError, which says `what` of the recipe it is, for a state that no run could go on from."""
    for name, value in flatten_state_dict(state)[0].items():
        if isinstance(value, torch.Tensor):
            continue
        written = io.BytesIO()
        try:
            torch.save(value, written)
            read_entry(written.getvalue(), name)
        except Exception as error:  # somebody's class may refuse to be pickled in any words
            raise UserError(
                f"{what}: keeps {name}, which no run could go on from; a checkpoint holds numbers, text, tensors, and "
                f"lists and dicts of them ({' '.join(str(error).split())})"
            ) from error


class _MetadataUnpickler(pickle.Unpickler):
    def __init__(self, content: io.BufferedReader, file: Path) -> None:
        super().__init__(content)
        self.file = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in OF_METADATA:
            return OF_METADATA[module, name]
        if module == "torch" and isinstance(dtype := vars(torch).get(name), torch.dtype):
            return dtype
        raise UserError(f"{self.file}: names {module}.{name}, which is no part of a checkpoint; it was not called")

    def persistent_load(self, _: Any) -> Any:
        raise UserError(f"{self.file}: is no list of a checkpoint's entries")


def _paths(metadata: Metadata) -> list[str]:
    return [stored.relative_path for stored in metadata.storage_data.values()]


def _put(planner: LoadPlanner, item: ReadItem, value: Any) -> None:
    """As DefaultLoadPlanner.load_bytes does, with a value that is read already."""
    assert isinstance(planner, DefaultLoadPlanner)
    set_element(planner.original_state_dict, planner.mappings[item.dest_index.fqn], value)


def _refusal(error: Exception) -> str:
    """torch's several sentences, which tell how to run what was found."""
    if named := re.search(r"GLOBAL (\S+)", str(error)):
        return f"holds {named[1]}, which is no part of a checkpoint; it was not called"
    text = one_line(error)
    reason = text.rpartition("WeightsUnpickler error: ")[2].partition(" Check the documentation")[0]
    return f"cannot be read: {reason}"
