"""A small bundle of every task, with graphs made by hand: each takes a picture of 4 x 4 grey pixels."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper, parser
from PIL import Image

from tests.serving import own_task
from tests.serving.tiny_bundle import FILE, VARIANT, described
from torchferry.contract.tasks.detection import Detection
from torchferry.contract.tasks.find import task_of
from torchferry.contract.tasks.heads import Heads
from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.tensors import DATATYPES

SIDE = 4
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 1, SIDE, SIDE), np.uint8)
"""The golden samples; the second is black, and has no objects."""
PIXELS[1] = 0
LABELS = ("cat", "dog", "owl")
HEADS: dict[str, Any] = {
    "kind": {"name": "classification"},
    "size": {"name": "regression"},
    "tags": {"name": "multilabel"},
    "mask": {"name": "segmentation"},
    "things": {"name": "detection", "max_detections": 2},
    "place": {"name": "embedding"},
}
OF_HEADS = tuple(f"{head}: {label}" for head in HEADS for label in (LABELS if head != "size" else ("metres",)))
TASKS: dict[str, Task] = {
    **{name: task_of(name, LABELS) for name in ("classification", "multilabel", "segmentation", "embedding")},
    "binary": task_of("binary", ("no", "yes")),
    "regression": task_of("regression", LABELS),
    "detection": Detection(max_detections=2, labels=LABELS),
    "heads": Heads(heads=HEADS, labels=OF_HEADS),
    "tensors": task_of("tensors", ()),
    "own": own_task.Light(),
}
NUMBERS = "MatMul(flat, three)"
DETECTION = """
        first = Slice(flat, from, to, channel)
        corners = Reshape(first, of_boxes)
        boxes = Add(corners, beyond)
        sureness = MatMul(flat, pair)
        scores = Sigmoid(sureness)
        ranks = Mul(scores, two)
        labels = Cast<to=7>(ranks)
        brightest = ReduceMax<axes=[1], keepdims=0>(flat)
        doubled = Mul(brightest, two)
        up = Floor(doubled)
        count = Cast<to=7>(up)"""
GRAPHS = {
    "classification": f"logits = {NUMBERS}\n probabilities = Softmax(logits)",
    "multilabel": f"logits = {NUMBERS}\n probabilities = Sigmoid(logits)",
    "binary": "logit = MatMul(flat, one)\n probability = Sigmoid(logit)",
    "regression": f"values = {NUMBERS}",
    "embedding": f"raw = {NUMBERS}\n vector = LpNormalization(raw)",
    "segmentation": "levels = Mul(grey, two)\n classes = Cast<to=2>(levels)",
    "detection": DETECTION,
    "heads": f"""
        logits = {NUMBERS}
        kind = Softmax(logits)
        size = MatMul(flat, one)
        tags = Sigmoid(logits)
        place = LpNormalization(logits)
        levels = Mul(grey, two)
        mask = Cast<to=2>(levels)
        {DETECTION}
        {" ".join(f"things_{each} = Identity({each})" for each in Detection.outputs)}""",
    "tensors": f"numbers = {NUMBERS}\n mean = MatMul(flat, one)",
    "own": "light = ReduceMean<axes=[1]>(flat)",
}
OUTPUTS = {"tensors": ("numbers", "mean")}
SHARED = """
    image = Identity(picture)
    real = Cast<to=1>(image)
    unit = Div(real, most)
    grey = Squeeze(unit, channel)
    flat = Reshape(unit, of_rows)
"""


def written(folder: Path, name: str) -> Bundle:
    """The bundle of the task of this name, whose model is called the same."""
    task, root = TASKS[name], folder / name
    for part in ("golden", f"variants/{VARIANT}"):
        (root / part).mkdir(parents=True)
    names = task.outputs or OUTPUTS[name]
    onnx.save(_graph(name, names), root / FILE)
    session = onnxruntime.InferenceSession(root / FILE)
    golden = dict(zip(names, session.run(list(names), {"picture": PIXELS}), strict=True))
    np.savez(root / "golden" / "inputs.npz", picture=PIXELS)
    np.savez(root / "golden" / "outputs.npz", **golden)
    code: dict[str, Any] = {}
    if name == "own":
        (root / "task").mkdir()
        shutil.copyfile(own_task.__file__, root / "task" / "own_task.py")
        code = {"code": "task/own_task.py"}
    decode = ImageDecode(mode="L", height=SIDE, width=SIDE, interpolation="bilinear")
    specs = tuple(
        TensorSpec(name=each, datatype=DATATYPES[values.dtype], shape=(-1, *values.shape[1:]))
        for each, values in golden.items()
    )
    bundle = described(
        root,
        name=name,
        task=task,
        inputs=(TensorSpec(name="picture", datatype="UINT8", shape=(-1, 1, SIDE, SIDE), decode=decode),),
        outputs=specs,
        reference={"label_shares": [1 / len(task.counted)] * len(task.counted)} if task.counted else {},
        files=bundles.checksums(root),
        **code,
    )
    bundles.write(bundle)
    return bundle


def written_all(folder: Path) -> dict[str, Bundle]:
    return {name: written(folder, name) for name in TASKS}


def picture_file(pixels: np.ndarray) -> bytes:
    """A PNG of uint8 [1, height, width]."""
    file = io.BytesIO()
    Image.fromarray(pixels[0]).save(file, "PNG")
    return file.getvalue()


def meant(bundle: Bundle, place: int) -> dict[str, np.ndarray]:
    """What is answered to a golden sample, without the batch; of boxes those that are objects, the others zeros."""
    answer = {name: values[place] for name, values in bundle.golden()[1].items()}
    for head in {name.removesuffix("count") for name in answer if name.endswith("count")}:
        there = np.arange(len(answer[f"{head}labels"])) < answer[f"{head}count"]
        answer |= {name: (answer[name].T * there).T for name in (f"{head}boxes", f"{head}labels", f"{head}scores")}
    return answer


def _graph(name: str, outputs: tuple[str, ...]) -> onnx.ModelProto:
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
        tiny (uint8[n, 1, {SIDE}, {SIDE}] picture) => (float[n] unknown)
        {{ {SHARED} {GRAPHS[name]} }}"""
    model = parser.parse_model(text)
    random = np.random.default_rng(1)
    values = {
        "most": np.float32(255),
        "two": np.float32(2.9),
        "beyond": np.array([0, 0, 1, 1], np.float32),
        "channel": np.array([1]),
        "from": np.array([0]),
        "to": np.array([8]),
        "of_rows": np.array([0, -1]),
        "of_boxes": np.array([0, 2, 4]),
        "three": random.normal(size=(SIDE**2, 3)).astype(np.float32),
        "pair": random.normal(size=(SIDE**2, 2)).astype(np.float32),
        "one": random.normal(size=(SIDE**2, 1)).astype(np.float32),
    }
    used = {each for node in model.graph.node for each in node.input}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(each), key) for key, each in values.items() if key in used
    )
    for node in model.graph.node:  # the text form's names have no dots
        node.output[0] = node.output[0].replace("things_", "things.")
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=each) for each in outputs)
    return model
