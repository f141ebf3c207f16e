"""A graph gives its outputs by name; what it cannot take is the client's mistake."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.serving.endless import ENDLESS, ENDS, endless
from tests.serving.tiny_bundle import FILE
from torchferry.serving.errors import DeadlinePassed, WrongTensor
from torchferry.serving.session.onnx_session import CPU, Cancellation, OnnxSession


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Looks words up in a table of three rows, and counts from the table's end as well."""
    table = numpy_helper.from_array(np.array([[0, 1], [2, 3], [4, 5]], np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "words"], ["vectors"]), helper.make_node("Neg", ["words"], ["negative"])],
        "words",
        [helper.make_tensor_value_info("words", TensorProto.INT64, ["batch"])],
        [
            helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", 2]),
            helper.make_tensor_value_info("negative", TensorProto.INT64, ["batch"]),
        ],
        [table],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_outputs_come_by_name_in_the_order_that_was_asked_for(path: Path) -> None:
    session = OnnxSession(path, ["words"], ["negative", "vectors"], 1)
    answered = session.run({"words": np.array([2, 0])})
    assert list(answered) == ["negative", "vectors"]
    assert (answered["negative"].tolist(), answered["vectors"].tolist()) == ([-2, 0], [[4, 5], [0, 1]])


def test_it_computes_on_the_cpu_and_on_as_many_threads_as_it_is_given(path: Path) -> None:
    session = OnnxSession(path, ["words"], ["vectors"], 3)
    assert session.provider == CPU
    assert session.session.get_session_options().intra_op_num_threads == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [(np.array([3]), "indices element out of data bounds"), (np.zeros((1, 1), np.int64), "Invalid rank")],
)
def test_what_the_graph_cannot_take_is_the_clients_in_its_own_words(path: Path, words: np.ndarray, said: str) -> None:
    with pytest.raises(WrongTensor, match=said) as refused:
        OnnxSession(path, ["words"], ["vectors"], 1).run({"words": words})
    assert "Status Message" not in str(refused.value)


def test_onnx_runtime_prints_nothing_of_a_call_that_fails(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = OnnxSession(path, ["words"], ["vectors"], 1)
    with pytest.raises(WrongTensor):
        session.run({"words": np.array([3])})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["../weights", "{root}/weights", "inside/../../weights", "link/weights"])
def test_weights_outside_of_the_graphs_folder_are_not_read(path: Path, tmp_path: Path, place: str) -> None:
    """Nobody has their checksums; what lies in the folder is checked before."""
    (tmp_path / "weights").write_bytes(np.arange(6, dtype=np.float32).tobytes())
    model = onnx.load(path)
    [table] = model.graph.initializer
    table.ClearField("raw_data")
    table.data_location = TensorProto.EXTERNAL
    table.external_data.add(key="location", value=place.format(root=tmp_path))
    within = tmp_path / "bundle"
    (within / "inside").mkdir(parents=True)
    (within / "link").symlink_to(tmp_path)
    (within / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(Exception, match="External data path"):
        OnnxSession(within / "model.onnx", ["words"], ["vectors"], 1)


def test_a_call_is_ended_from_another_thread_and_others_go_on(tmp_path: Path) -> None:
    session = OnnxSession(endless(tmp_path).root / FILE, ["row"], ["probabilities"], 1)
    ends, others = Cancellation(), Cancellation()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(session.run, {"row": np.array(ENDLESS, np.float32)}, ends)
        for given in (None, others):
            assert session.run({"row": np.array(ENDS, np.float32)}, given)["probabilities"].tolist() == ENDS
        ends.cancel()
        with pytest.raises(DeadlinePassed):
            asked.result()
    with pytest.raises(DeadlinePassed):  # the next part of the same batch
        session.run({"row": np.array(ENDS, np.float32)}, ends)
    session.run({"row": np.array(ENDS, np.float32)})


def test_the_cancellation_of_its_loading_ends_calls_that_bring_none(path: Path) -> None:
    loading = Cancellation()
    session = OnnxSession(path, ["words"], ["vectors"], 1, cancellation=loading)
    session.run({"words": np.array([0])})
    loading.cancel()
    with pytest.raises(DeadlinePassed):
        session.run({"words": np.array([0])})
    with pytest.raises(Exception, match="cancel"):
        OnnxSession(path, ["words"], ["vectors"], 1, cancellation=loading)
