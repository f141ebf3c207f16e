"""Probabilities among what a network gives."""

import pytest
import torch

from torchferry.contract.tasks.find import kind_of, made
from torchferry.serving.export.external.probabilities import Sigmoids, as_logits, found, of_graph
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask

LOGITS = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)) * 2


def task(name: str, **settings: object) -> TrainingTask:
    return half_of(made(kind_of(name, "--task"), settings, (), "--task-args"))


@pytest.mark.parametrize("name", ["classification", "multilabel"])
def test_the_tasks_own_function_gives_them_again(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    half = task(name)
    with Sigmoids() as sigmoids:
        given = half.answers(LOGITS)["probabilities"]
    by = found(given, half, sigmoids.given)
    assert by == {"": half.behind}
    assert f"are probabilities already, so that no {half.behind} is put behind them" in capsys.readouterr().out
    torch.testing.assert_close(half.answers(as_logits(given, by))["probabilities"], given)


def test_each_head_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    half = task("heads", heads={"kind": {"name": "classification"}, "traits": {"name": "multilabel"}})
    given = {"kind": LOGITS.softmax(1), "traits": LOGITS}
    by = found(given, half, [])
    assert by == {"kind": "softmax"}
    assert as_logits(given, by)["traits"] is LOGITS
    assert "its scores of head kind are probabilities already" in capsys.readouterr().out


def test_a_detectors_are_those_of_its_candidates() -> None:
    boxes, logits = torch.zeros(2, 4, 4), LOGITS.view(2, 4, 3)
    with Sigmoids() as sigmoids:
        given = {"boxes": boxes, "logits": logits.sigmoid()}
    by = found(given, task("detection"), sigmoids.given)
    there = as_logits(given, by)
    assert there["boxes"] is boxes
    torch.testing.assert_close(there["logits"], logits)


def test_what_only_looks_like_them_is_taken_as_logits_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    given = LOGITS.abs() / LOGITS.abs().max()
    assert not found(given, task("multilabel"), [])
    assert as_logits(given, {}) is given
    assert "all from 0 to 1 and taken as logits, with a sigmoid behind them" in capsys.readouterr().out


def test_logits_and_networks_of_torch_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert not found(LOGITS, task("multilabel"), of_graph(torch.nn.Identity(), LOGITS))
    assert not capsys.readouterr().out
