"""A copy of this checkout, without what git ignores."""

import shutil
from pathlib import Path

from tests.commands import ROOT

IGNORED = (".git", ".venv", "runs", "__pycache__", ".*_cache", "*.egg-info")


def copy_checkout(folder: Path) -> Path:
    """Make `folder` one; its links stay links."""
    return Path(shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(*IGNORED)))
