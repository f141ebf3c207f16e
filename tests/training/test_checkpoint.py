import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from training import checkpoint
from training.checkpoint import Progress
from training.errors import UserError
from training.process_group import Place, process_group


@pytest.fixture(autouse=True)
def group() -> Iterator[None]:
    with process_group(Place(0, 1, torch.device("cpu"))):
        yield


def trained(steps: int) -> tuple[nn.Linear, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(steps):
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    return model, optimizer


def save(folder: Path, step: int, best: bool = False, keep: int = 2) -> None:
    progress = Progress(epoch=step, step=step, best_accuracy=0.5)
    checkpoint.save(folder, *trained(step), progress, keep=keep, best=best)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    save(tmp_path, 3)
    model, optimizer = trained(0)
    assert checkpoint.load(tmp_path / "step-00000003", model, optimizer).step == 3
    expected, expected_optimizer = trained(3)
    assert torch.equal(model.weight, expected.weight)
    for mine, other in zip(optimizer.state.values(), expected_optimizer.state.values(), strict=True):
        assert torch.equal(mine["exp_avg"], other["exp_avg"])


def test_the_newest_and_the_best_stay(tmp_path: Path) -> None:
    for step in range(1, 6):
        save(tmp_path, step, best=step == 2)
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000002", "step-00000004", "step-00000005"]
    assert (tmp_path / "latest").read_text() == "step-00000005\n"
    assert (tmp_path / "best").read_text() == "step-00000002\n"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    save(tmp_path, 1)
    file = next((tmp_path / "step-00000001").glob("*.distcp"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=rf"{file.name}: is damaged"):
        checkpoint.load(tmp_path / "step-00000001", *trained(0))


def test_an_unfinished_checkpoint_is_refused(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / "step-00000001" / "checksums.json").unlink()
    with pytest.raises(UserError, match="is not a complete checkpoint"):
        checkpoint.load(tmp_path / "step-00000001", *trained(0))


def test_the_state_is_readable_json(tmp_path: Path) -> None:
    save(tmp_path, 4)
    state = json.loads((tmp_path / "step-00000004" / "state.json").read_text())
    assert state == {"epoch": 4, "step": 4, "best_accuracy": 0.5}
