"""ONNX Runtime. No torch is imported here."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from torchferry.serving.codec.strings import strings, texts
from torchferry.serving.errors import DeadlinePassed, WrongTensor

CPU = "CPUExecutionProvider"
ERRORS, FATAL = 3, 4
"""ONNX Runtime's levels of what it prints."""
STRING = "tensor(string)"
RECORDS_PARTS = "session.record_ep_graph_assignment_info"


class Cancellation:
    """Ends the calls and the loading of sessions that were given it, from any thread, and those that come later."""

    def __init__(self) -> None:
        self.run_options = onnxruntime.RunOptions()
        # Errors of calls are raised and said by whoever asked: on stderr clients could fill the log with them.
        self.run_options.log_severity_level = FATAL
        self.loading: list[onnxruntime.SessionOptions] = []

    def session_options(self, threads: int) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = ERRORS  # a provider that does not start says why
        options.set_load_cancellation_flag(self.cancelled)
        self.loading.append(options)
        return options

    def cancel(self) -> None:
        self.run_options.terminate = True
        for options in self.loading:
            options.set_load_cancellation_flag(True)

    @property
    def cancelled(self) -> bool:
        return bool(self.run_options.terminate)


class OnnxSession:
    def __init__(
        self,
        path: Path,
        _inputs: list[str],
        outputs: list[str],
        threads: int,
        providers: Sequence[Any] = (CPU,),
        add_provider: Callable[[onnxruntime.SessionOptions], None] | None = None,
        cancellation: Cancellation | None = None,
    ) -> None:
        """`providers`: ONNX Runtime's execution providers, each a name or a name with options, by preference.
        `add_provider` adds one that is a library of its own, instead of them; ONNX Runtime computes what it leaves.
        `cancellation` ends its loading, and calls that bring none of their own."""
        self.cancellation = cancellation or Cancellation()
        options = self.cancellation.session_options(threads)
        options.add_session_config_entry(RECORDS_PARTS, "1")
        self.outputs = outputs
        if add_provider:
            add_provider(options)
        self.session = onnxruntime.InferenceSession(path, options, providers=None if add_provider else list(providers))
        self.parts: dict[str, list[str]] = {}
        """By provider the operators of the nodes that it computes. One that is there need not compute: what it cannot,
        it leaves to the next without a word."""
        for part in self.session.get_provider_graph_assignment_info():
            self.parts.setdefault(part.ep_name, []).extend(node.op_type for node in part.get_nodes())
        self.strings = [each.name for each in self.session.get_inputs() if each.type == STRING]
        there: list[str] = self.session.get_providers()
        self.provider = next((name for name in there if name in self.parts), there[-1])
        """The first of those that were asked for which was there and computes any of the graph."""

    def run(self, inputs: Mapping[str, np.ndarray], cancellation: Cancellation | None = None) -> dict[str, np.ndarray]:
        """Raises WrongTensor for values that the graph cannot take, such as an index outside of a table, and
        DeadlinePassed once it is cancelled."""
        ends = cancellation or self.cancellation
        if self.strings:
            inputs = {**inputs, **{name: texts(inputs[name]) for name in self.strings}}
        try:
            given = self.session.run(self.outputs, inputs, ends.run_options)
            return {
                name: values if values.dtype != object else strings(values)
                for name, values in zip(self.outputs, given, strict=True)
            }
        except InvalidArgument as error:
            raise WrongTensor(str(error).partition("Status Message: ")[2] or str(error)) from error
        except Exception as error:
            if ends.cancelled:
                raise DeadlinePassed("the model had not answered when its time was over") from error
            raise
