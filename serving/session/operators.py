"""Operators that a saved program has from torchvision: torch knows them once that is imported."""

import re
from pathlib import Path
from zipfile import ZipFile

from torchferry.errors import UserError

OWN = re.compile(rb"torch\.ops\.torchvision\.|torchvision::")
"""Before an operator's name in a program, or in a compiled one. Modules of torchvision's stand there too, and need
nothing of it."""


def import_operators(path: Path) -> None:
    """Import torchvision if the program needs it. Raises UserError where that is not installed."""
    with ZipFile(path) as archive:
        texts = [name for name in archive.namelist() if name.endswith(".json")]
        if not any(OWN.search(archive.read(name)) for name in texts):
            return
    try:
        import torchvision  # noqa: F401
    except ImportError as error:
        raise UserError(f"{path}: needs torchvision, which is not installed; pip install torchvision") from error
