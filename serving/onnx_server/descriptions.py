"""The metadata of the server and of its models, as the JSON objects of the protocol."""

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from torchferry import __version__
from torchferry.contract.tasks import name_of
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec import sent_pixels
from torchferry.serving.codec.tensors import triton_type
from torchferry.serving.onnx_server import columns, encoded_inputs
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.models.repository import Repository
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.session.providers import GPUS
from torchferry.serving.session.runtimes import RUNTIMES

NAME = "torchferry"
EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics")
SEQUENCE = "sequence"
"""The extension of a server that keeps some."""


def server(settings: Settings) -> dict[str, Any]:
    extensions = sorted([*EXTENSIONS, *([SEQUENCE] if settings.sequences else [])])
    return {"name": NAME, "version": __version__, "extensions": extensions}


def metadata(model: Model, versions: list[str]) -> dict[str, Any]:
    return {
        "name": model.name,
        "versions": versions,
        "platform": _platform(model),
        "inputs": [_tensor(spec) for spec in model.bundle.inputs],
        "outputs": [_tensor(spec) for spec in model.bundle.outputs],
        "parameters": {"variant": model.loaded.variant} | _task(model) | _cap(model) | _carried(model) | _words(model),
    }


def configuration(model: Model) -> dict[str, Any]:
    """In the words of Triton's model configuration, as far as they apply."""
    loaded = model.loaded
    parameters = {"threads": loaded.plan.threads} | _task(model) | _cap(model)
    kind = "KIND_GPU" if loaded.sessions[0].provider in GPUS.values() else "KIND_CPU"
    return {
        "name": model.name,
        "platform": _platform(model),
        "backend": RUNTIMES[loaded.variant].package,
        "max_batch_size": loaded.plan.max_batch,
        "input": [_field(spec) for spec in model.bundle.inputs],
        "output": [_field(spec) for spec in model.bundle.outputs],
        **_batching(model),
        "instance_group": [
            {
                "name": loaded.variant,
                "kind": kind,
                "count": len(loaded.sessions),
            }
        ],
        "parameters": {name: {"string_value": str(value)} for name, value in parameters.items()}
        | {name: {"string_value": json.dumps(said)} for name, said in (_carried(model) | _words(model)).items()},
    }


def _batching(model: Model) -> dict[str, Any]:
    """Requests of several sequences share batches as all others do, the oldest first."""
    delay, sequences = {"max_queue_delay_microseconds": round(model.scheduler.max_delay * 1e6)}, model.sequences
    if not sequences.are_kept:
        return {"dynamic_batching": delay}
    inputs = model.input_specs
    state = [
        {"input_name": name, "output_name": output} | _type(inputs[name]) for name, output in model.bundle.state.items()
    ]
    oldest = {"max_candidate_sequences": sequences.most} | delay
    idle = round(sequences.seconds * 1e6)
    return {"sequence_batching": {"max_sequence_idle_microseconds": idle, "oldest": oldest, "state": state}}


def _platform(model: Model) -> str:
    """As Triton calls them: what computes, and the format of what it reads."""
    return f"{RUNTIMES[model.loaded.variant].package}_onnx"


def statistics(model: Model) -> dict[str, Any]:
    """In the words of the statistics extension; times are totals in nanoseconds."""
    counted = model.statistics
    counted.add_up()
    nanoseconds = Counter({stage: round(1e9 * seconds) for stage, seconds in counted.seconds.items()})
    return {
        "name": model.name,
        "version": model.version,
        "last_inference": round(1000 * counted.last_answer),
        "inference_count": counted.samples,
        "execution_count": model.scheduler.batches,
        "inference_stats": {
            "success": {"count": counted.answered, "ns": nanoseconds["request"]},
            "fail": {"count": counted.failed, "ns": round(1e9 * counted.failed_seconds)},
            "queue": {"count": counted.answered, "ns": nanoseconds["queue"]},
            "compute_input": {"count": counted.answered, "ns": nanoseconds["decode"]},
            "compute_infer": {"count": counted.answered, "ns": nanoseconds["inference"]},
            "compute_output": {"count": counted.answered, "ns": nanoseconds["encode"]},
        },
    }


def index(repository: Repository, ready_only: bool = False) -> list[dict[str, str]]:
    absent = repository.absent
    models = [] if absent.is_starting else list(repository)
    ready = [_state(model.name, model.version, "READY") for model in models]
    loading = [_state(*key, "LOADING") for key in sorted(absent.loading)]
    failed = [_state(*key, "UNAVAILABLE", reason) for key, reason in absent.failures.items()]
    return ready if ready_only else ready + loading + failed


def _state(name: str, version: str, state: str, reason: str = "") -> dict[str, str]:
    return {"name": name, "version": version, "state": state, "reason": reason}


def _task(model: Model) -> dict[str, Any]:
    """What the outputs mean, by the name or import path that an export takes."""
    return {"task": name_of(type(model.bundle.task))}


def _carried(model: Model) -> dict[str, Any]:
    """Which output is which input of the next request, and how many sequences the server keeps itself."""
    kept = {"sequences": model.sequences.most} if model.sequences.are_kept else {}
    return {"state": dict(model.bundle.state)} | kept if model.bundle.state else {}


def _words(model: Model) -> dict[str, Any]:
    """What the numbers stand for: a table's columns, how files become pictures, in whose pixels outputs are, the labels
    of the first output, and those of each of several outputs that has names for its own."""
    table, labels = model.bundle.table, model.bundle.labels
    said: dict[str, Any] = {"columns": columns.described(table.table)} if table and table.table else {}
    of_outputs = {spec.name: list(spec.labels) for spec in model.bundle.outputs if spec.labels}
    said |= {"decode": decode} if (decode := encoded_inputs.described(model.bundle.inputs)) else {}
    said |= axes if (axes := _axes(model)) else {}
    said |= {"pixels": pixels} if (pixels := sent_pixels.described(model.bundle)) else {}
    return said | ({"labels": list(labels)} if labels else {}) | ({"output_labels": of_outputs} if of_outputs else {})


def _axes(model: Model) -> dict[str, Any]:
    """Of each tensor those that vary, in whose places its shape has -1, and what stands behind shorter samples."""
    specs = [spec for spec in (*model.bundle.inputs, *model.bundle.outputs) if spec.axes]
    pads = {spec.name: spec.pad for spec in specs if spec.pad is not None}
    axes = {spec.name: [asdict(axis) for axis in spec.axes] for spec in specs}
    return ({"axes": axes} if axes else {}) | ({"pad": pads} if pads else {})


def _cap(model: Model) -> dict[str, int]:
    """What the bundle itself limits a batch to; a request with more samples is computed in parts."""
    return {} if model.bundle.max_batch is None else {"max_batch": model.bundle.max_batch}


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _field(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name} | _type(spec)


def _type(spec: TensorSpec) -> dict[str, Any]:
    """Triton leaves the batch out of `dims`."""
    return {"data_type": triton_type(spec.datatype), "dims": list(spec.shape[1:])}
