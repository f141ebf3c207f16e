"""Tests mirror the packages: a module with behaviour has its tests under its own name, in the same folders."""

import ast
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.some import some
from torchferry import run_folder

OURS = ("torchferry", "training", "serving", "benchmarks")

TESTED_ELSEWHERE = {
    "benchmarks/training/trainers/accelerate_loop.py": "benchmarks/test_training.py",
    "benchmarks/training/trainers/fabric.py": "benchmarks/test_training.py",
    "benchmarks/training/trainers/restart.py": "benchmarks/test_training.py",
    "benchmarks/tune/trial.py": "benchmarks/tune/test_tune_command.py",
    "serving/session/aoti_session.py": "serving/export/variants/test_variants.py",
    "serving/torchserve/supervised_process.py": "serving/torchserve/test_up.py",
}
"""Modules that do nothing without the process they start or the compiler they need, and the tests that start it."""
APPS = "benchmarks/servers/apps/"
"""What each peer's own interpreter runs; `tests/benchmarks/test_servers_peers.py` starts them."""


def modules() -> list[str]:
    """Those that define a function; a command's __main__ is `tests/test_commands.py`'s."""
    found = []
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text())
            behaves = any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree))
            if behaves and path.name != "__main__.py":
                found.append(path.relative_to(ROOT).as_posix())
    return found


def home_of(module: str) -> Path:
    """Where the tests of a module are."""
    path = Path(module)
    name = path.parent.name if path.name == "__init__.py" else path.stem
    return ROOT / "tests" / path.parent / f"test_{name}.py"


@pytest.mark.parametrize("package", OURS)
def test_every_module_has_its_tests(package: str) -> None:
    ours = some(module for module in modules() if module.startswith(f"{package}/") and not module.startswith(APPS))
    assert [module for module in ours if not home_of(module).is_file() and module not in TESTED_ELSEWHERE] == []


def test_what_is_tested_elsewhere_is_there_and_needs_it() -> None:
    for module, test in TESTED_ELSEWHERE.items():
        assert (ROOT / module).is_file(), module
        assert (ROOT / "tests" / test).is_file(), test
        assert not home_of(module).is_file(), module


def test_a_name_in_the_run_folder_is_spelled_in_one_place() -> None:
    """`samples`, `model` and names of Kubernetes' and torch's own files are words of other things too."""
    others = {run_folder.MODEL, run_folder.SAMPLES, run_folder.CONFIG, run_folder.CHECKPOINTS}
    names = {name for key, name in vars(run_folder).items() if key.isupper()} - others
    spelled = [
        (path.relative_to(ROOT).as_posix(), node.value)
        for package in OURS
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert {path for path, _ in spelled} == {"torchferry/run_folder.py"}, spelled
