"""A checkpoint names the class by its module's path, of now or of before the namespace."""

import io

import torch

from torchferry.training.checkpointing.checkpoint_reader import read_entry
from torchferry.training.state import FORMER, _Kept


def test_its_path_stays() -> None:
    assert f"{_Kept.__module__}.{_Kept.__qualname__}" == "torchferry.training.state._Kept"


def test_it_is_found_by_its_former_path() -> None:
    written = io.BytesIO()
    torch.save(_Kept(3), written)
    formerly = _renamed(written.getvalue())
    assert f"c{FORMER}\n".encode() in formerly
    kept = read_entry(formerly, "entry")
    assert isinstance(kept, _Kept)
    assert kept.content == 3


def _renamed(archive: bytes) -> bytes:
    """The same archive, whose pickle has the former path."""
    import zipfile

    after = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as read, zipfile.ZipFile(after, "w") as write:
        for name in read.namelist():
            write.writestr(name, read.read(name).replace(b"ctorchferry.training.state\n", b"ctraining.state\n"))
    return after.getvalue()
