"""The kind of a file that --model names, found from its content, whatever its name ends with."""

import zipfile
from enum import Enum
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.export.external.checkpoint_file import is_checkpoint, way_with
from torchferry.serving.export.external.foreign_model import refuse_foreign
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
    refuse_foreign(path, names)
    if is_checkpoint(path, names):
        raise UserError(way_with(path))
    if is_onnx(path):
        return FileKind.ONNX
    kinds = ", ".join(kind.value for kind in FileKind)
    raise UserError(f"{path}: is no model that is known here; {kinds} can be given")


def names_in(path: Path) -> list[str]:
    """Of a zip archive. Raises UserError for one that was cut short: its list is at its end, and what is found there
    may be that of an archive within it."""
    with path.open("rb") as file:
        is_archive = file.read(4) == b"PK\x03\x04"
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, UnicodeDecodeError):
        entries = []
    if is_archive and min((entry.header_offset for entry in entries), default=1):
        raise UserError(
            f"{path}: was cut short; it begins as a zip archive, such as a .pt2, and has no end; fetch it again"
        )
    return [entry.filename for entry in entries]
