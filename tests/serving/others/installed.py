"""Packages of others, in the folders that TORCHFERRY_OTHERS names (`pip install --no-deps --target FOLDER PACKAGE...`)
or beside ours."""

import importlib
import os
import sys
from pathlib import Path

import pytest

FOLDERS = os.environ.get("TORCHFERRY_OTHERS", "")


def folder_of(module: str) -> Path:
    """Skips the test where the package is not installed, or lacks another one."""
    for folder in filter(None, FOLDERS.split(os.pathsep)):
        if folder not in sys.path:
            sys.path.append(folder)  # behind ours, which may be there in another version
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        pytest.skip(f"{module} cannot be imported: {error}")
    assert found.__file__
    return Path(found.__file__).parent
