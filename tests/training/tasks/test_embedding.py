"""Raw vectors, and the ones of length 1 that the graph gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tests.training import tiny
from torchferry.contract.tasks.embedding import Embedding as EmbeddingTask
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.evaluation import evaluate
from torchferry.training.tasks import task_for
from torchferry.training.tasks.embedding import Embedding
from torchferry.training.tasks.fixed_proxies import FixedProxies
from torchferry.training.trainer.losses import build_loss

TASK = Embedding(EmbeddingTask(labels=("x", "y", "z")))
RAW = torch.tensor([[3.0, 4.0], [0.0, 0.0], [3e4, 4e4]])


def test_the_graph_gives_vectors_of_length_one() -> None:
    vectors = TASK.answers(RAW)["vector"]
    torch.testing.assert_close(vectors, torch.tensor([[0.6, 0.8], [0, 0], [0.6, 0.8]]))


def test_half_floats_give_the_same_directions() -> None:
    torch.testing.assert_close(
        TASK.answers(RAW.half())["vector"].float(), TASK.answers(RAW)["vector"], rtol=2e-3, atol=2e-3
    )


def test_the_loss_of_an_answer_is_that_of_what_the_network_gave() -> None:
    classes = torch.tensor([0, 2])
    again = TASK.raw(TASK.answers(RAW[[0, 2]]))
    assert again is not None
    assert TASK.test_loss(again, classes) == pytest.approx(TASK.test_loss(RAW[[0, 2]], classes).item())


@pytest.mark.parametrize("given", [torch.zeros(2), torch.zeros(2, 1), torch.zeros(3, 4), {"vector": torch.zeros(2, 4)}])
def test_a_network_that_gives_no_vector_is_refused(given: object) -> None:
    with pytest.raises(UserError, match="not a vector of two numbers or more"):
        TASK.check_outputs(given, 2)


def test_classes_outside_the_labels_are_named() -> None:
    assert TASK.wrong_targets(torch.tensor([0, 3])) == (1, "has class 3, but there are 3 labels, 0 to 2")
    assert TASK.wrong_targets(TASK.varied_targets(6, torch.Generator())) is None


def test_a_model_from_elsewhere_has_classes_without_names() -> None:
    task = Embedding(EmbeddingTask())
    assert task.wrong_targets(torch.tensor([7])) is None
    assert task.raw(task.answers(RAW)) is None


def test_arrays_of_classes_are_taken_and_others_refused() -> None:
    assert TASK.read_targets(np.array([[1], [2]]), "targets").tolist() == [1, 2]
    with pytest.raises(UserError, match="targets is float64"):
        TASK.read_targets(np.array([0.5]), "targets")
    assert TASK.labels_in(torch.zeros(2, 64), "--task") == 0
    with pytest.raises(UserError, match="one output of"):
        TASK.labels_in(torch.zeros(2, 64, 3), "--task")


def test_a_source_has_two_classes_or_more() -> None:
    task_for("embedding", {}, tiny.corners())
    with pytest.raises(UserError, match="two classes or more"):
        task_for("embedding", {}, replace(tiny.corners(), labels=("x",)))
    with pytest.raises(UserError, match=r"takes classes, data.source gives values"):
        task_for("embedding", {}, tiny.sums())


def test_its_loss_knows_how_many_classes_there_are() -> None:
    loss = build_loss(Component(name="proxies", args={"scale": 8}), TASK)
    assert isinstance(loss, FixedProxies)
    assert (loss.classes, loss.scale) == (3, 8)


def test_classes_that_training_has_no_sample_of_are_judged(alone: RankInfo) -> None:
    points = torch.eye(3).repeat(2, 1)
    feed = EvaluationFeed(
        TensorDataset(points, torch.tensor([0, 1, 2, 0, 1, 2])),
        DataConfig(source=Component(name="none")),
        TASK,
        alone.device,
    )
    result = evaluate(torch.nn.Identity(), feed, TASK, alone)
    assert [result.score, result.values["map"]] == [1, 1]


def test_a_run_is_built_with_its_loss() -> None:
    assert isinstance(tiny.build(task="embedding").loss, FixedProxies)
