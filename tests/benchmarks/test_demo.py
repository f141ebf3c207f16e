"""`make demo`: what it refuses before its first step."""

from pathlib import Path

import pytest

from torchferry.benchmarks import demo
from torchferry.errors import UserError


def test_it_runs_in_the_projects_folder_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^training/recipes/digits\.yaml: is missing; run the demo in the project's"):
        demo.main([])
    assert list(tmp_path.iterdir()) == []


def test_it_takes_no_options() -> None:
    with pytest.raises(UserError, match="unrecognized arguments: --fast; torchferry demo --help"):
        demo.main(["--fast"])
