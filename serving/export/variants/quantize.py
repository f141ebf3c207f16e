"""Static int8 quantisation of an ONNX graph (QDQ, per channel), and the search for what has to stay in float.

ONNX Runtime's own quantiser does the work; ranges are calibrated once. When the gate refuses the fully quantised
graph, each node is quantised alone on a few samples, and those that do the most harm stay in float: one, two, four
and so on, until the gate accepts.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import add_infer_metadata

from torchferry.serving.bundle.answers import aligned
from torchferry.serving.codec.strings import texts
from torchferry.serving.cpu import cores, features
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.numbered_strings import as_served, numbering
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.graph_names import hidden, hide, rename
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.speed import measure_speed
from torchferry.serving.session.capped_session import capped, in_parts, parts_of
from torchferry.serving.session.onnx_session import OnnxSession

Refusal = Callable[[Path], str | None]
"""Why the gate would refuse a file, or None."""
QUANTIZED = ("Conv", "Gemm", "MatMul")
CALIBRATION_SAMPLES = 256
SEARCH_SAMPLES = 64
WARNINGS, ERRORS = 2, 3
"""ONNX Runtime's levels of what it prints."""


def quantized(source: Path, samples: Samples, reference: Reference, target: Path, refusal: Refusal) -> str | None:
    """Write `target`; returns what was kept in float and what that cost, or None if nothing had to be."""
    with TemporaryDirectory() as scratch, _quietly():
        quantizer = Quantizer(source, samples, reference, Path(scratch))
        quantizer.write(target, quantizer.nodes)
        first = refusal(target)
        if first is None:
            return None
        full, worst = _cost(target, reference), quantizer.by_harm(reference, Path(scratch) / "one.onnx")
        for kept in (worst[:count] for count in _doubled(len(worst))):
            quantizer.write(target, [node for node in quantizer.nodes if node not in kept])
            if refusal(target) is None:
                mended = _cost(target, reference)
                cost = ", ".join(f"{value} instead of {before}" for value, before in zip(mended, full, strict=True))
                return f"in float: {', '.join(kept)} of {len(worst)} nodes, {cost}; with all in int8 {first}"
        # What the gate then reports is the fully quantised graph.
        quantizer.write(target, quantizer.nodes)
        return "no part of it in float mends that"


def _cost(file: Path, reference: Reference) -> tuple[str, str]:
    inputs, outputs = ([spec.name for spec in specs] for specs in (reference.inputs, reference.outputs))
    _, speed = measure_speed(
        lambda: numbering(
            capped(OnnxSession(file, inputs, outputs, cores()), reference.max_batch), reference.inputs, ()
        ),
        reference.test,
        cores(),
    )
    return f"{weights.bytes_of(file):,} bytes", f"{speed.batch_1_ms:.3g} ms"


def _doubled(end: int) -> Iterator[int]:
    """1, 2, 4 and so on below `end`."""
    count = 1
    while count < end:
        yield count
        count *= 2


def quantizable(source: Path) -> tuple[onnx.ModelProto, list[str]]:
    """A graph and its nodes that can be. Raises CannotBuild where there is none."""
    model = weights.read(source)
    nodes = [node.name for node in model.graph.node if node.op_type in QUANTIZED]
    if not nodes:
        raise CannotBuild(f"it has no {', '.join(QUANTIZED)} to quantise")
    return model, nodes


class Quantizer:
    def __init__(self, source: Path, samples: Samples, reference: Reference, scratch: Path) -> None:
        """Raises CannotBuild for a graph that has nothing to quantise."""
        model, self.nodes = quantizable(source)
        self.names, self.source = hide(model), scratch / "source.onnx"
        weights.write(model, self.source)
        # An x86 processor without VNNI sums products of 8-bit numbers in 16 bits, which would overflow.
        can = set(features())
        self.reduce_range = "avx2" in can and not {"avx512_vnni", "avx_vnni"} & can
        few = samples.some(CALIBRATION_SAMPLES)
        self.ranges = _ranges(self.source, Calibration(few, reference, self.names[0]), scratch / "augmented.onnx")

    def write(self, target: Path, nodes: list[str]) -> None:
        """The graph with these nodes quantised."""
        quantizer = QDQQuantizer(
            self._loaded(),
            per_channel=True,
            reduce_range=self.reduce_range,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,  # with QInt8 ONNX Runtime fuses less and leaves much in float
            tensors_range=self.ranges,
            nodes_to_quantize=nodes,
            nodes_to_exclude=[],
            op_types_to_quantize=list(QUANTIZED),
            extra_options={},
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        rename(quantizer.model.model, *self.names)
        weights.write(quantizer.model.model, target)

    def _loaded(self) -> onnx.ModelProto:
        """Each time again, because the quantiser changes it in place. With the shapes of its values, which the
        quantiser would else find by writing a copy."""
        model = onnx.shape_inference.infer_shapes(weights.read(self.source))
        weights.take_inside(model)
        add_infer_metadata(model)
        return model

    def by_harm(self, reference: Reference, scratch: Path) -> list[str]:
        """The nodes, those first which alone change the outputs most."""
        inputs = reference.test.first(SEARCH_SAMPLES)
        names = [spec.name for spec in reference.outputs]
        expected = reference.run(inputs)

        def harm(node: str) -> float:
            self.write(scratch, [node])
            session = numbering(OnnxSession(scratch, list(inputs), names, cores()), reference.inputs, reference.outputs)
            answered = in_parts(session.run, inputs, reference.max_batch)
            answered = aligned(reference, answered, expected)
            return max(_distance(answered[name], expected[name]) for name in names)

        return sorted(self.nodes, key=harm, reverse=True)


def _distance(answered: np.ndarray, expected: np.ndarray) -> float:
    """The mean square, as a share of that of what is expected, so that the largest output is not the only one that
    counts. Truth values have no difference of their own, unsigned numbers would wrap around."""
    numbers, wanted = answered.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(numbers) & np.isfinite(wanted)
    wrong = np.square(numbers[finite] - wanted[finite]).sum()
    return float(wrong / max(np.square(wanted[finite]).sum(), 1e-30))


class Calibration(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    """Samples by the names that are hidden from the quantiser, as many together as servers compute."""

    def __init__(self, samples: Samples, reference: Reference, names: list[str]) -> None:
        batches = (as_served(inputs, reference.inputs) for inputs, _ in samples.batches())
        self.batches: Iterator = (part for inputs in batches for part in parts_of(inputs, reference.max_batch))
        self.names = dict(zip(names, hidden("input", len(names)), strict=True))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return (
            None
            if batch is None
            else {
                self.names[name]: texts(values) if values.dtype == object else values for name, values in batch.items()
            }
        )


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """The quantiser and its sessions warn about graphs in general; what counts is what the gate measures."""
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(ERRORS)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(WARNINGS)


def _ranges(source: Path, reader: Calibration, augmented: Path) -> Any:
    calibrator = create_calibrator(
        source,
        list(QUANTIZED),
        augmented_model_path=str(augmented),
        use_external_data_format=weights.file_beside(source).exists(),
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"symmetric": False},
    )
    calibrator.collect_data(reader)
    return calibrator.compute_data()
