"""What every task has unless it says otherwise."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.embedding import Embedding
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.regression import Regression
from torchferry.contract.tasks.task import Arrays, Sums, Task
from torchferry.contract.tasks.tensors import Tensors
from torchferry.errors import UserError


def test_settings_are_the_fields_that_differ_from_their_defaults() -> None:
    assert Multilabel(labels=("a", "b")).settings == {}
    assert Multilabel(labels=("a", "b"), thresholds=0.25).settings == {"thresholds": 0.25}


def test_a_task_that_counts_no_labels_counts_nothing() -> None:
    task = Regression(labels=("y",))
    assert (task.counted, task.counts({}).size, task.counts_of(np.ones((2, 1))).size) == ((), 0, 0)


def test_only_the_numbers_of_tensors_can_be_compared() -> None:
    assert Tensors().agreement({}, {}) is None
    assert Tensors().limits("fp32") == {}
    assert Tensors().limits("fp16")["max_relative_error"] < Tensors().limits("int8")["max_relative_error"]


def test_samples_that_are_drawn_several_times_count_so_often() -> None:
    task = Regression(labels=("y",))
    truth, predicted = np.array([[0.0], [1.0], [4.0]]), np.array([[0.5], [1.0], [3.0]])
    rows = task.rows({"values": predicted}, truth)
    repeated = [0, 2, 2]
    drawn = task.rows({"values": predicted[repeated]}, truth[repeated])
    assert task.score(rows, np.array([1, 0, 2])) == task.score(drawn)


def test_rows_and_outputs_are_taken_as_they_are_and_no_file_is_given() -> None:
    task, rows = Regression(labels=("y",)), {"truth": np.zeros((2, 1))}
    assert task.files == {}
    assert task.together(rows) is rows
    assert task.of_outputs({"values": None}) is task


@pytest.mark.parametrize(
    ("task", "sample"),
    [
        (Regression(labels=("a", "b")), {"values": np.array([0.5, np.nan])}),
        (Multilabel(labels=("a", "b")), {"probabilities": np.array([0.25, 0.75])}),
        (Embedding(), {"vector": np.array([0.6, 0.8])}),
    ],
    ids=lambda given: type(given).__name__,
)
def test_words_that_say_all_are_read_back(task: Task, sample: dict[str, np.ndarray]) -> None:
    said = json.loads(json.dumps(task.words(sample, 5)).replace("NaN", "null"))
    read = task.read(said)
    assert read.keys() == sample.keys()
    for name, values in sample.items():
        np.testing.assert_array_equal(read[name], values)


def test_words_that_do_not_say_all_are_not_read() -> None:
    task = Classification(labels=("a", "b", "c"))
    with pytest.raises(UserError, match="names 1 of 3 labels; ask for the top_k of them all"):
        task.read(task.words({"probabilities": np.array([0.2, 0.7, 0.1])}, 1))


def test_a_metric_that_is_a_mean_over_samples_needs_no_more_than_that() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Near(Regression):
        headline = "near"

        def means(self, rows: Arrays) -> Arrays:
            off = np.abs(rows["predicted"] - rows["truth"])[:, 0]
            return {"near": np.where(np.isnan(off), np.nan, off < 1)}

        def sums(self, rows: Arrays) -> Sums:
            return Task.sums(self, rows)

        def values(self, sums: Sums) -> dict[str, float]:
            return Task.values(self, sums)

    task = Near(labels=("a",))
    rows = task.rows({"values": np.array([[1.0], [5.0], [3.0], [np.nan]])}, np.array([[1.5], [2.0], [3.0], [4.0]]))

    assert task.measure(rows) == {"near": 2 / 3}
    assert np.isnan(task.measure({name: values[3:] for name, values in rows.items()})["near"])
    assert task.scores(rows, np.array([[1, 1, 1, 1], [0, 3, 1, 2]])).tolist() == [2 / 3, 1 / 4]
    assert task.score(rows) == 2 / 3
