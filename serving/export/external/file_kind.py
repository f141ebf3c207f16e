"""The kind of a file that --model names, found from its content, whatever its name ends with."""

import zipfile
from enum import Enum
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.export.external.checkpoint_file import is_checkpoint, way_with
from torchferry.serving.export.external.foreign_file import foreign
from torchferry.serving.export.onnx_graphs.onnx_file import is_onnx


class FileKind(Enum):
    ONNX = "an ONNX graph"
    PROGRAM = "a program of torch.export"
    SCRIPT = "a TorchScript module"


def kind_of_file(path: Path) -> FileKind:
    """Raises UserError for a file that holds no model, or one that cannot be taken, with the way to one."""
    names = names_in(path)
    if any(name.endswith("models/model.json") for name in names):
        return FileKind.PROGRAM
    if any("/code/" in name for name in names):
        return FileKind.SCRIPT
    if words := foreign(path, names):
        raise UserError(f"{path}: {words}")
    if is_checkpoint(path, names):
        raise UserError(way_with(path))
    if is_onnx(path):
        return FileKind.ONNX
    kinds = ", ".join(kind.value for kind in FileKind)
    raise UserError(f"{path}: is no model that is known here; {kinds} can be given")


def names_in(path: Path) -> list[str]:
    """Of a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, UnicodeDecodeError):
        return []
