"""OpenVINO answers as ONNX Runtime does, or not at all."""

import itertools
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.commands import run_python
from tests.serving.endless import ENDLESS, ENDS, endless
from tests.serving.tiny_bundle import FILE
from torchferry.serving.errors import DeadlinePassed, WrongTensor
from torchferry.serving.session import open_session
from torchferry.serving.session.onnx_session import Cancellation, OnnxSession

if TYPE_CHECKING:
    from torchferry.serving.session.openvino_session import OpenVinoSession

TABLE = np.arange(6, dtype=np.float32).reshape(3, 2)
TYPES = {
    **{np.dtype(f"int{bits}"): getattr(TensorProto, f"INT{bits}") for bits in (8, 16, 32, 64)},
    **{np.dtype(f"uint{bits}"): getattr(TensorProto, f"UINT{bits}") for bits in (8, 16, 32, 64)},
    np.dtype(bool): TensorProto.BOOL,
    np.dtype("float16"): TensorProto.FLOAT16,
    np.dtype("float32"): TensorProto.FLOAT,
}


def written(
    folder: Path,
    *nodes: onnx.NodeProto,
    takes: int,
    gives: int,
    axes: Sequence[int | str] = ("a", "b"),
    **constants: np.ndarray,
) -> Path:
    """`x` to `y`."""
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    ends = [helper.make_tensor_value_info("x", takes, axes)], [helper.make_tensor_value_info("y", gives, None)]
    graph = helper.make_graph(list(nodes), "graph", *ends, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def opened(path: Path, threads: int = 1, **given: Cancellation) -> "OpenVinoSession":
    return open_session("openvino-fp32", path, ["x"], ["y"], threads, **given)  # type: ignore[return-value]


def picks(folder: Path, kind: str, *last: int | str, **attributes: int) -> Path:
    """Rows of the table."""
    node = helper.make_node(kind, ["table", "x"], ["y"], **attributes)  # type: ignore[arg-type]
    return written(folder, node, takes=TensorProto.INT64, gives=TensorProto.FLOAT, axes=("a", *last), table=TABLE)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("shape", [(2,), (3, 2), (1, 2, 3, 4)])
def test_every_datatype_and_rank_comes_back_as_it_went_in(
    tmp_path: Path, dtype: np.dtype, shape: tuple[int, ...]
) -> None:
    node = helper.make_node("Concat", ["x", "x"], ["y"], axis=0)
    session = opened(
        written(
            tmp_path,
            node,
            takes=TYPES[dtype],
            gives=TYPES[dtype],
            axes=[f"axis{number}" for number in range(len(shape))],
        )
    )
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    for rows in (x, x[::-1], np.concatenate([x, x])):  # one session is asked for batches of several sizes
        answered = session.run({"x": rows})["y"]
        assert answered.dtype == dtype
        np.testing.assert_array_equal(answered, np.concatenate([rows, rows]))


def test_it_has_the_threads_and_the_precision_that_were_asked_for(tmp_path: Path) -> None:
    session = opened(picks(tmp_path, "Gather"), threads=2)
    found = {name: session.model.get_property(name) for name in ("INFERENCE_NUM_THREADS", "NUM_STREAMS")}
    assert found == {"INFERENCE_NUM_THREADS": 2, "NUM_STREAMS": 1}
    assert session.model.get_property("INFERENCE_PRECISION_HINT").to_dtype() == np.float32  # also where bfloat16 is
    assert session.provider == "OpenVINO's CPU"


def test_an_answer_is_not_changed_by_the_next_call(tmp_path: Path) -> None:
    session = opened(picks(tmp_path, "Gather"))
    first = session.run({"x": np.array([0])})["y"]
    session.run({"x": np.array([2])})
    assert first.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("kind", "last", "right", "wrong"),
    [
        ("Gather", (), [0, -1], [[3], [-4], [0, 3]]),
        ("GatherND", (1,), [[0], [-1]], [[[3]], [[-4]]]),
        ("GatherElements", ("b",), [[0, -1]], [[[3, 0]], [[-4, 0]]]),
    ],
)
def test_an_index_outside_of_a_table_is_refused_as_by_onnx_runtime(
    tmp_path: Path, kind: str, last: tuple[int | str, ...], right: list[int], wrong: list[list[int]]
) -> None:
    """OpenVINO's own answer for it is zeros, or that of the call before."""
    path = picks(tmp_path, kind, *last)
    session, other = opened(path), OnnxSession(path, ["x"], ["y"], 1)
    for indices in wrong:
        for each in (session, other):
            with pytest.raises((WrongTensor, Exception)) as refused:
                each.run({"x": np.array(indices)})
            assert each is other or refused.type is WrongTensor
        taken = {"x": np.array(right)}
        np.testing.assert_array_equal(session.run(taken)["y"], other.run(taken)["y"])


def test_a_column_of_a_table_is_looked_up_by_its_own_size(tmp_path: Path) -> None:
    session = opened(picks(tmp_path, "Gather", axis=1))
    assert session.run({"x": np.array([1])})["y"].tolist() == [[1], [3], [5]]
    with pytest.raises(WrongTensor, match=r"^an index is outside of the table that it is for$"):
        session.run({"x": np.array([2])})


def test_an_index_of_several_numbers_is_held_to_the_sizes_of_their_axes(tmp_path: Path) -> None:
    session = opened(picks(tmp_path, "GatherND", 2))
    assert session.run({"x": np.array([[2, 1]])})["y"].tolist() == [5]
    for index in ([2, 2], [3, 1]):
        with pytest.raises(WrongTensor):
            session.run({"x": np.array([index])})


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_a_number_that_does_not_fit_is_refused_and_not_cut(tmp_path: Path, value: int) -> None:
    """OpenVINO computes in 32 bits, and would look up another row."""
    session = opened(picks(tmp_path, "Gather"))
    with pytest.raises(WrongTensor, match=rf"^'x' has {value}, and openvino computes whole numbers in 32 bits$"):
        session.run({"x": np.array([0, value])})
    assert session.run({"x": np.zeros((0,), np.int64)})["y"].shape == (0, 2)


def test_a_call_that_fails_raises_and_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    shape = np.array([2, -1])
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    path = written(tmp_path, node, takes=TensorProto.FLOAT, gives=TensorProto.FLOAT, shape=shape)
    session = opened(path)
    session.run({"x": np.ones((2, 3), np.float32)})
    with pytest.raises(RuntimeError, match="conflicts with the reshape pattern"):
        session.run({"x": np.ones((1, 3), np.float32)})
    assert session.run({"x": np.zeros((2, 1), np.float32)})["y"].tolist() == [[0], [0]]


def test_a_tensor_of_another_kind_is_the_clients_mistake(tmp_path: Path) -> None:
    with pytest.raises(WrongTensor, match=r"^'x': .*precision"):
        opened(picks(tmp_path, "Gather")).run({"x": np.array([0.5])})


def test_what_cannot_be_wrapped_is_copied(tmp_path: Path) -> None:
    session = opened(picks(tmp_path, "Gather"))
    fixed = np.array([2, 0])
    fixed.flags.writeable = False
    assert session.run({"x": fixed})["y"].tolist() == [[4, 5], [0, 1]]
    assert session.run({"x": np.array([0, 1, 2])[::-2]})["y"].tolist() == [[4, 5], [0, 1]]


def test_a_call_that_is_cancelled_is_over_and_others_go_on(tmp_path: Path) -> None:
    """What is computed already when it is cancelled is ended between two parts of the graph."""
    path = endless(tmp_path).root / FILE
    session: OpenVinoSession = open_session("openvino-fp32", path, ["row"], ["probabilities"], 1)  # type: ignore[assignment]
    ends = Cancellation()
    assert session.run({"row": np.array(ENDS, np.float32)}, ends)["probabilities"].tolist() == ENDS
    ends.cancel()
    with pytest.raises(DeadlinePassed):
        session.run({"row": np.array(ENDLESS, np.float32)}, ends)
    assert session.run({"row": np.array(ENDS, np.float32)})["probabilities"].tolist() == ENDS


def test_a_long_call_is_ended_from_another_thread(tmp_path: Path) -> None:
    side = 600
    names = ["x", *(f"x{number}" for number in range(200)), "y"]
    nodes = [helper.make_node("MatMul", [a, "weight"], [b]) for a, b in itertools.pairwise(names)]
    weight = np.eye(side, dtype=np.float32)
    path = written(tmp_path, *nodes, takes=TensorProto.FLOAT, gives=TensorProto.FLOAT, weight=weight)
    session, ends = opened(path), Cancellation()
    threading.Timer(0.3, ends.cancel).start()
    with pytest.raises(DeadlinePassed):
        session.run({"x": np.ones((4000, side), np.float32)}, ends)


@pytest.mark.parametrize("place", ["../weights", "{root}/weights", "inside/../../weights", "link/weights"])
def test_weights_outside_of_the_graphs_folder_are_not_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "weights").write_bytes(TABLE.tobytes())
    within = tmp_path / "bundle"
    (within / "inside").mkdir(parents=True)
    (within / "link").symlink_to(tmp_path)
    path = picks(within, "Gather")
    model = onnx.load(path)
    [table] = model.graph.initializer
    table.ClearField("raw_data")
    table.data_location = TensorProto.EXTERNAL
    table.external_data.add(key="location", value=place.format(root=tmp_path))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(RuntimeError, match="outside the base directory"):
        opened(path)


def test_nothing_is_told_to_its_makers_and_neither_torch_nor_onnx_runtime_is_loaded(tmp_path: Path) -> None:
    """Left alone, `import openvino` sends a line over the network, and keeps a number of this machine at home."""
    code = """
import socket, sys
def refuse(*_): raise SystemExit("it looked for the network")
socket.getaddrinfo = socket.socket.connect = refuse
import torchferry.serving.session.openvino_session
print([name for name in ("torch", "onnxruntime", "onnx") if name in sys.modules])
"""
    done = run_python("-c", code, HOME=str(tmp_path))
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    assert list(tmp_path.iterdir()) == []
    assert sys.modules["openvino_telemetry"] is None


def test_a_signal_comes_through_whichever_session_has_gone_first(tmp_path: Path) -> None:
    """OpenVINO gives its thread a stack for signals, which ended the process once it was taken away."""
    code = f"""
import faulthandler, os, signal
from pathlib import Path
from torchferry.serving.session import open_session
faulthandler.enable()
signal.signal(signal.SIGUSR1, lambda *_: print("came"))
path = Path({str(picks(tmp_path, "Gather"))!r})
first, second = (open_session("openvino-fp32", path, ["x"], ["y"], 1) for _ in range(2))
del first
del second
os.kill(os.getpid(), signal.SIGUSR1)
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stdout.strip()) == (0, "came"), done.stderr
