"""Tasks in a file of the user's: the file travels in the bundle, and runs where it is allowed to."""

import hashlib
import importlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError

FOLDER = "task"
"""Of a bundle."""
ALLOWS = "TORCHFERRY_TASK_CODE"
ALLOW = "allow"


def file_of(kind: type[Task]) -> Path | None:
    """Where the class stands; None for one of ours. Raises UserError for one that is in no file."""
    if kind in TASKS.values():
        return None
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None:
        raise UserError(f"task: {kind.__module__}.{kind.__qualname__} is in no file; put it into one that is imported")
    return Path(file)


def kind_of_file(name: str, file: Path, sha256: str) -> type[Task]:
    """The class that is called `name`, package.module.Class: imported, if the module here is that very file, or else
    from `file`, which holds what `sha256` says, where the environment allows it. Raises UserError."""
    module, _, attribute = name.rpartition(".")
    if _is_here(module, sha256):
        found = importlib.import_module(module)
    elif os.environ.get(ALLOWS) == ALLOW:
        found = _loaded(module, file)
    else:
        raise UserError(
            f"{file}: is code that says what the answers mean, and no module {module} here is the same; read it, and "
            f"{ALLOWS}={ALLOW} lets it run"
        )
    kind = getattr(found, attribute, None)
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise UserError(f"{file}: has no task {attribute}")
    return kind


def _is_here(module: str, sha256: str) -> bool:
    """Nothing is imported to find it, not even the packages that it is in: a bundle chooses the name."""
    path, found = None, None
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        found = PathFinder.find_spec(".".join(parts[:count]), path)
        if found is None:
            return False
        path = found.submodule_search_locations or []
    if found is None or found.origin is None or not Path(found.origin).is_file():
        return False
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest() == sha256


def _loaded(module: str, file: Path) -> ModuleType:
    """Under its own name, but beside modules that are imported: two versions of a model may have two of it."""
    spec = importlib.util.spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file}: is no Python file")
    made = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except Exception as error:  # somebody's module runs here
        said = " ".join(str(error).split())
        raise UserError(f"{file}: cannot be run: {type(error).__name__}: {said}") from error
    return made
