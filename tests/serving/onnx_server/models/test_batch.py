"""Requests that are computed together are each answered with their own rows, and with their own mistakes."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from tests.serving.wire import in_loop
from torchferry.serving.errors import DeadlinePassed, InferenceFailed, WrongTensor
from torchferry.serving.onnx_server.inference import Outputs, Work
from torchferry.serving.onnx_server.models.batch import Batch
from torchferry.serving.session.onnx_session import Cancellation


class Session:
    def __init__(self, compute: Callable[[np.ndarray], np.ndarray]) -> None:
        self.compute = compute
        self.sizes: list[int] = []
        """Samples of each call."""

    def run(self, inputs: Mapping[str, np.ndarray], _cancellation: object = None) -> dict[str, np.ndarray]:
        self.sizes.append(len(inputs["x"]))
        return {"y": self.compute(inputs["x"])}


def work(*values: float) -> Work:
    return Work({"x": np.array(values)}, lambda _: None)


def ran(session: Session, *works: Work) -> Sequence[Outputs | Exception]:
    batch = Batch(works)
    batch.run(session)
    assert len(batch.results) == len(works)
    return batch.results


def values(result: Outputs | Exception) -> list[float]:
    assert not isinstance(result, Exception)
    return [float(value) for value in result["y"]]


def negate(given: np.ndarray) -> np.ndarray:
    return -given


@in_loop
async def test_a_work_knows_its_samples() -> None:
    given = Work({"x": np.zeros((3, 4, 5)), "z": np.zeros(3)}, lambda _: None)
    assert (given.size, given.cost) == (3, 3)


@in_loop
async def test_each_gets_its_own_rows_of_one_call() -> None:
    session = Session(negate)
    results = ran(session, work(1), work(2, 3), work(4))
    assert [values(result) for result in results] == [[-1], [-2, -3], [-4]]
    assert session.sizes == [4]


@in_loop
async def test_what_nobody_waits_for_any_more_is_not_run_alone() -> None:
    def fail(_given: np.ndarray) -> np.ndarray:
        raise ValueError("the graph is broken")

    session = Session(fail)
    gone, late = work(1), work(2)
    gone.over()
    late.deadline = time.monotonic()
    results = ran(session, gone, late, work(3))
    assert [type(result) for result in results] == [DeadlinePassed, DeadlinePassed, InferenceFailed]
    assert session.sizes == [3, 1]


@in_loop
async def test_a_run_that_nobody_waits_for_is_ended() -> None:
    batch = Batch([work(1), work(2)])
    batch.end_unwanted()  # which has not begun
    batch.cancellation = Cancellation()
    for each, ends in zip(batch.works, (False, True), strict=True):
        each.over()
        batch.end_unwanted()
        assert batch.cancellation.cancelled == ends


@in_loop
async def test_one_that_fails_is_found_by_running_each_alone() -> None:
    def compute(given: np.ndarray) -> np.ndarray:
        if 2 in given:
            raise WrongTensor("2 does not do")
        return -given

    session = Session(compute)
    first, second, third = ran(session, work(1), work(2), work(3))
    assert session.sizes == [3, 1, 1, 1]
    assert (values(first), values(third)) == ([-1], [-3])
    assert isinstance(second, WrongTensor)


@in_loop
async def test_one_alone_that_fails_is_not_run_again() -> None:
    def compute(_given: np.ndarray) -> np.ndarray:
        raise RuntimeError("the graph is broken")

    session = Session(compute)
    (failed,) = ran(session, work(1))
    assert session.sizes == [1]
    assert isinstance(failed, InferenceFailed)
    assert str(failed) == "RuntimeError: the graph is broken"
    assert isinstance(failed.__cause__, RuntimeError)


@in_loop
@pytest.mark.parametrize("rows", [1, 3])
async def test_outputs_whose_rows_are_not_the_samples_are_nobodys(rows: int) -> None:
    """As of a graph that sums over its batch: each alone has one row, together they have no row of their own."""
    session = Session(lambda given: given if len(given) == 1 else np.zeros(rows))
    assert [values(result) for result in ran(session, work(1), work(2))] == [[1], [2]]
    assert session.sizes == [2, 1, 1]
