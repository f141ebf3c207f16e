"""A run folder is seen by every node, or made on each; if one node fails, no rank goes on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.checkpointing.resume import Start
from torchferry.training.checkpointing.shared_folder import check_shared, enter_on_each
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.progress import Progress

START = Start(None, Progress(step=3), launch="a", restarts=0, finished=False, began=5 * 10**9)


@pytest.mark.usefixtures("alone")
def test_a_folder_that_is_not_seen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^runs_dir: not every node sees {tmp_path}; give a folder that all"):
        check_shared(tmp_path)
    (tmp_path / "config.yaml").touch()
    check_shared(tmp_path)


def test_one_rank_makes_the_folder_of_its_node(alone: RankInfo, tmp_path: Path) -> None:
    recipe = tiny.recipe(runs_dir=tmp_path)
    enter_on_each(recipe, START, replace(alone, rank=1, local_rank=1, world_size=2))
    assert not recipe.run_dir.exists()
    enter_on_each(recipe, START, replace(alone, rank=2, world_size=4))
    assert "name: tiny" in (recipe.run_dir / "config.yaml").read_text()
    attempt = json.loads((recipe.run_dir / "attempts.jsonl").read_text())
    assert attempt == {"time": 5.0, "launch": "a", "world_size": 4, "from_step": 3}


def test_a_folder_that_cannot_be_written_is_refused(alone: RankInfo, tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(UserError, match=f"^runs_dir: cannot write {tmp_path}/runs/tiny "):
        enter_on_each(tiny.recipe(runs_dir=tmp_path / "runs"), START, alone)
