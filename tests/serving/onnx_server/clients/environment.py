"""A Python environment of its own for a client whose packages cannot stand beside the project's."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

INSTALL_SECONDS = 300


def python_with(*requirements: str) -> Path:
    """An interpreter that has them, installed once into $TORCHFERRY_CACHE; skips the test where pip cannot."""
    cache = Path(os.environ.get("TORCHFERRY_CACHE", "~/.cache/torchferry")).expanduser() / "clients"
    key = hashlib.sha256(repr((sys.version_info[:2], requirements)).encode()).hexdigest()[:16]
    folder = cache / key
    if not folder.exists():
        _install(requirements, folder)
    return folder / "bin" / "python"


def _install(requirements: tuple[str, ...], folder: Path) -> None:
    """Into a temporary sibling that is renamed, so that what is there is whole."""
    sibling = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        subprocess.run([sys.executable, "-m", "venv", sibling], check=True, capture_output=True)
        install = [str(sibling / "bin" / "python"), "-m", "pip", "install", "--quiet", "--retries", "1", *requirements]
        done = subprocess.run(install, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        if done.returncode:
            pytest.skip(f"pip cannot install {' '.join(requirements)}: {done.stderr.strip()[-300:]}")
        if not folder.exists():  # somebody else may have been quicker
            sibling.rename(folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip could not install {' '.join(requirements)} within {INSTALL_SECONDS} s")
    finally:
        shutil.rmtree(sibling, ignore_errors=True)
