"""The rendered folder: written beside its place, then renamed, and never over what somebody else wrote."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from torchferry.errors import UserError

MARK = "# Written by `torchferry render`"
MARKS = (MARK, "# Written by `python -m training render`")
"""The second one is that of before there was a command."""


def put(target: Path, files: Mapping[str, str]) -> None:
    """Make `target` a folder of exactly these files. Raises UserError if something else is there, or no space."""
    target = Path(os.path.abspath(target))
    _refuse_foreign(target)
    sibling = target.with_name(f".{target.name}.{os.getpid()}")
    replaced = target.with_name(f".{target.name}.{os.getpid()}.replaced")
    try:
        for name, text in files.items():
            (sibling / name).parent.mkdir(parents=True, exist_ok=True)
            (sibling / name).write_text(text)
        if target.exists():
            target.rename(replaced)
        sibling.rename(target)
    except OSError as error:
        if replaced.exists() and not target.exists():
            replaced.rename(target)
        raise UserError(f"{target}: cannot be written ({error.strerror}); give another with -o") from error
    finally:
        shutil.rmtree(sibling, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def _refuse_foreign(target: Path) -> None:
    if not target.exists():
        return
    overlay = target / "kustomization.yaml"
    ours = overlay.is_file() and overlay.read_text(errors="replace").startswith(MARKS)
    if not ours and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target}: is there already, and not from here; give another with -o, or move it away")
