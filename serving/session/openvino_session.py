"""OpenVINO, on the CPU. Neither torch nor ONNX Runtime is imported here.

Where it would answer otherwise than ONNX Runtime without a word, such as an index outside of a table with zeros, the
graph is told to notice, or the call is refused.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from torchferry.serving.errors import DeadlinePassed, WrongTensor

if TYPE_CHECKING:
    from torchferry.serving.session.onnx_session import Cancellation

# openvino sends a line to its makers when it is imported; without this package it has nothing to do so with.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402
from openvino import opset13 as opset  # noqa: E402

DEVICE = "CPU"
LOOK_MS = 100
"""How often a call is looked at that may have been cancelled."""
WHOLE = np.iinfo(np.int32)
"""OpenVINO computes 64-bit whole numbers in 32 bits."""
CORE = openvino.Core()
"""Of all sessions, until the process ends. Each core gives its thread a stack for signals; of several that do not go in
the reverse order, one puts back a stack that is no longer there, and the next signal is a SIGSEGV."""
CORE.set_property({"ENABLE_MMAP": False})  # a file that changes on disk must not change what is served


class OpenVinoSession:
    provider = f"OpenVINO's {DEVICE}"

    def __init__(
        self,
        path: Path,
        inputs: list[str],
        outputs: list[str],
        threads: int,
        cancellation: "Cancellation | None" = None,
    ) -> None:
        """`cancellation` ends calls that bring none of their own. What is being loaded cannot be ended."""
        self.cancellation = cancellation
        model = CORE.read_model(path)
        self.notices = _notice_wrong_indices(model)
        """Whether the last output says that an index was wrong."""
        self.model = CORE.compile_model(model, DEVICE, _properties(threads))
        self.request = self.model.create_infer_request()
        self.places = {name: self.model.input(name) for name in inputs}
        self.answers = {name: self.model.output(name) for name in outputs}

    def run(
        self, inputs: Mapping[str, np.ndarray], cancellation: "Cancellation | None" = None
    ) -> dict[str, np.ndarray]:
        """One call at a time. Raises WrongTensor for values that the graph cannot take, and DeadlinePassed once it is
        cancelled."""
        ends = cancellation or self.cancellation
        if ends and ends.cancelled:
            raise DeadlinePassed("its time was over before the model was asked")
        # Held until the call is over: a tensor is a view of its array, and does not keep it.
        _held = [self._give(name, place, inputs[name]) for name, place in self.places.items()]
        try:
            # Not infer(), which says nothing of a call that failed and leaves the answer of the one before.
            self.request.start_async()
            while not self.request.wait_for(LOOK_MS):
                if ends and ends.cancelled:
                    self.request.cancel()
        except RuntimeError as error:
            if ends and ends.cancelled:
                raise DeadlinePassed("the model had not answered when its time was over") from error
            if "indices" in str(error):
                raise WrongTensor(_reason(error)) from error
            raise
        if self.notices and self.request.get_output_tensor(len(self.model.outputs) - 1).data.any():
            raise WrongTensor("an index is outside of the table that it is for")
        return {name: self.request.get_tensor(place).data.copy() for name, place in self.answers.items()}

    def _give(self, name: str, place: Any, values: np.ndarray) -> np.ndarray:
        """The array that is computed: the one that was given, or a copy of what OpenVINO cannot wrap."""
        values = np.require(values, requirements=["C", "W"])
        _check_whole(name, values)
        try:
            self.request.set_tensor(place, openvino.Tensor(values, shared_memory=True))
        except RuntimeError as error:
            raise WrongTensor(f"'{name}': {_reason(error)}") from error
        return values


def _properties(threads: int) -> dict[str, Any]:
    """As many threads as ONNX Runtime has, and no arithmetic but what the graph says: left alone, OpenVINO takes
    bfloat16 where the processor has it."""
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "EXECUTION_MODE_HINT": "ACCURACY",
        "ENABLE_CPU_PINNING": False,  # several sessions would be on the same cores
    }


def _check_whole(name: str, values: np.ndarray) -> None:
    if values.dtype.kind not in "iu" or values.dtype.itemsize < WHOLE.bits // 8 or not values.size:
        return
    for value in (values.min(), values.max()):
        if not WHOLE.min <= value <= WHOLE.max:
            raise WrongTensor(f"'{name}' has {value}, and openvino computes whole numbers in {WHOLE.bits} bits")


def _notice_wrong_indices(model: Any) -> bool:
    """Add an output that is true where an index is outside of what it picks from; false if nothing is picked so."""
    found = [wrong for operation in model.get_ordered_ops() for wrong in _wrong(operation)]
    if not found:
        return False
    *others, any_wrong = found
    for other in others:
        any_wrong = opset.logical_or(any_wrong, other)
    model.add_results([opset.result(any_wrong)])
    return True


def _wrong(operation: Any) -> Iterator[Any]:
    """A scalar, whether an index of a Gather or GatherND is outside; OpenVINO takes zeros for what is there. Its other
    operations raise."""
    kind = operation.get_type_name()
    if kind not in ("Gather", "GatherND") or operation.input_value(1).get_node().get_type_name() == "Constant":
        return
    data, indices = operation.input_value(0), opset.convert(operation.input_value(1), "i64")
    shape = opset.shape_of(data, "i64")
    if kind == "Gather":
        axis = opset.reshape(opset.convert(operation.input_value(2), "i64"), _whole([]), special_zero=False)
        sizes = opset.gather(shape, axis, _whole(0))
    else:
        first, depth = operation.get_attributes()["batch_dims"], _last(opset.shape_of(indices, "i64"))
        sizes = opset.slice(shape, _whole([first]), opset.add(depth, _whole([first])), _whole([1]))
    outside = opset.logical_or(opset.less(indices, opset.negative(sizes)), opset.greater_equal(indices, sizes))
    yield opset.reduce_logical_or(opset.reshape(outside, _whole([-1]), special_zero=False), _whole(0))


def _last(shape: Any) -> Any:
    return opset.gather(shape, _whole([-1]), _whole(0))


def _whole(value: Any) -> Any:
    return opset.constant(np.array(value, np.int64))


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[-200:]
