"""A bundle as a model repository for Triton: its ONNX variants, each a model with dynamic batching, if samples of
several requests may be computed together, or with sequences, if it carries state.

DIR/<name>-<variant>/config.pbtxt, labels.txt, labels-<output>.txt, initial_state/<input>, 1/model.onnx
"""

import shutil
from pathlib import Path
from typing import Any

from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import triton_type
from torchferry.serving.export.formats.triton_state import sequence_batching, write_start
from torchferry.serving.export.formats.triton_variants import triton_variants
from torchferry.serving.session.runtimes import RUNTIMES
from torchferry.whole_folder import whole_folder

MAX_BATCH = 64


def write_triton(bundle: Bundle, output: Path) -> list[str]:
    """Write the repository; returns its models' names. Raises UserError for a bundle without an ONNX variant."""
    variants = triton_variants(bundle)
    with whole_folder(output) as folder:
        for variant in variants:
            model = folder / f"{bundle.name}-{variant}"
            _copy_graph(bundle, variant, model / "1")
            for file, labels in {"labels.txt": bundle.labels, **_label_files(bundle)}.items():
                (model / file).write_text("".join(f"{label}\n" for label in labels))
            (model / "config.pbtxt").write_text(config(bundle, variant))
            write_start(bundle, model)
    return [f"{bundle.name}-{variant}" for variant in variants]


def config(bundle: Bundle, variant: str) -> str:
    """config.pbtxt, in Triton's own schema: requests that wait go together, none waits for others to come.

    A max_batch_size of 1 is not 0: the first axis stays the batch, and Triton refuses a request with more samples,
    which it cannot take apart.
    """
    most = min(MAX_BATCH, bundle.max_batch or MAX_BATCH)
    content: dict[str, Any] = {
        "name": f"{bundle.name}-{variant}",
        "backend": RUNTIMES[variant].triton,
        "max_batch_size": most,
        "input": [_tensor(spec) for spec in bundle.inputs if spec.name not in bundle.state],
        "output": [
            _tensor(spec) | _label_file(spec, bundle)
            for spec in bundle.outputs
            if spec.name not in bundle.state.values()
        ],
    }
    if bundle.state:
        content["sequence_batching"] = sequence_batching(bundle)
    elif most > 1:
        content["dynamic_batching"] = {"max_queue_delay_microseconds": 0}
    return _whose_pixels(bundle) + text_format.MessageToString(json_format.ParseDict(content, ModelConfig()))


def _whose_pixels(bundle: Bundle) -> str:
    """A comment: Triton is sent tensors, and cannot know of which picture they were made."""
    places = bundle.task.places
    if not places:
        return ""
    own = zip(bundle.task.outputs, bundle.outputs, strict=True)
    return f"# In pixels of the tensor that is sent: {', '.join(spec.name for name, spec in own if name in places)}\n"


def _copy_graph(bundle: Bundle, variant: str, folder: Path) -> None:
    """As model.onnx, with its weights beside it, where they are in files of their own."""
    graph = bundle.variant_file(variant)
    for relative in bundle.variant_files(variant):
        source = bundle.root / relative
        target = folder / ("model.onnx" if source == graph else source.relative_to(graph.parent))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _label_files(bundle: Bundle) -> dict[str, tuple[str, ...]]:
    return {f"labels-{spec.name}.txt": spec.labels for spec in bundle.outputs if spec.labels}


def _label_file(spec: TensorSpec, bundle: Bundle) -> dict[str, str]:
    """What an output's classes are called stands in a file of its own, where several outputs score classes."""
    if spec.labels:
        return {"label_filename": f"labels-{spec.name}.txt"}
    alone = bundle.task.scores_labels and len(bundle.outputs) == 1 and spec.shape[1:] == (len(bundle.labels),)
    return {"label_filename": "labels.txt"} if alone else {}


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    dims = list(spec.shape[1:])
    tensor = {"name": spec.name, "data_type": triton_type(spec.datatype), "dims": dims or [1]}
    return tensor if dims else tensor | {"reshape": {"shape": []}}  # Triton knows no tensor of the batch axis alone
