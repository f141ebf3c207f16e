"""A torch program gives its outputs by name, for arrays of any kind that numpy has."""

from pathlib import Path

import numpy as np
import pytest
import torch

from torchferry.serving.errors import WrongTensor
from torchferry.serving.session.torch_session import TorchSession

THREADS = torch.get_num_threads()
"""Those of this process, which has no others."""


@pytest.fixture
def session(two_outputs: Path) -> TorchSession:
    return TorchSession(two_outputs, ["row"], ["sum", "double"], THREADS)


def run(session: TorchSession, row: np.ndarray) -> dict[str, list]:
    return {name: values.tolist() for name, values in session.run({"row": row}).items()}


@pytest.mark.parametrize("size", [1, 5])
def test_outputs_come_by_name_for_a_batch_of_any_size(session: TorchSession, size: int) -> None:
    row = np.tile(np.array([1, 2, 3], np.float32), (size, 1))
    assert run(session, row) == {"sum": [6] * size, "double": [[2, 4, 6]] * size}


def test_one_output_is_no_tuple(table: Path) -> None:
    session = TorchSession(table, ["words"], ["vectors"], THREADS)
    assert session.run({"words": np.array([[2], [0]])})["vectors"].tolist() == [[[4, 5]], [[0, 1]]]


def test_more_outputs_than_have_a_name_are_a_bug(two_outputs: Path) -> None:
    session = TorchSession(two_outputs, ["row"], ["sum"], THREADS)
    with pytest.raises(ValueError, match="zip"):
        run(session, np.zeros((1, 3), np.float32))


def test_received_bytes_and_turned_arrays_are_taken(session: TorchSession) -> None:
    received = np.frombuffer(np.array([1, 2, 3, 4, 5, 6], np.float32).tobytes(), np.float32)
    assert not received.flags.writeable
    assert run(session, received.reshape(2, 3))["sum"] == [6, 15]
    assert run(session, received.reshape(3, 2).T)["sum"] == [9, 12]
    assert run(session, received.reshape(2, 3)[:, ::-1])["double"] == [[6, 4, 2], [12, 10, 8]]


@pytest.mark.parametrize("word", [-1, 3])
def test_an_index_outside_of_a_table_is_the_clients(table: Path, word: int) -> None:
    session = TorchSession(table, ["words"], ["vectors"], THREADS)
    with pytest.raises(WrongTensor, match="out of range"):
        session.run({"words": np.array([[word]])})
