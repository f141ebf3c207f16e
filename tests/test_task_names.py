"""No code asks for a task's name: what depends on the task is the task's own."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.commands import ROOT
from torchferry.contract.tasks import TASKS

PACKAGES = ("torchferry/contract", "training", "serving", "benchmarks")


def test_nothing_is_compared_with_the_name_of_a_task() -> None:
    found = [f"{file.relative_to(ROOT)}: {text}" for file in _files() for text in _comparisons(file.read_text())]

    assert not found


def test_a_comparison_is_seen() -> None:
    assert list(_comparisons('if bundle.task == "binary": pass'))
    assert list(_comparisons('x = card.task in ("classification", "other")'))
    assert not list(_comparisons('if request.form == "tensors": pass'))


def _files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


def _comparisons(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and "task" in (text := ast.unparse(node)):
            constants = (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant))
            if any(value in TASKS for value in constants if isinstance(value, str)):
                yield text
