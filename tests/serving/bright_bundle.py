"""Bundles of two networks made by hand, which find what is bright in a picture: a box around it, and a mask of it."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import parser
from PIL import Image

from tests.serving.tiny_bundle import FILE, described
from torchferry.contract.tasks.detection import Detection
from torchferry.contract.tasks.segmentation import Segmentation
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec

HEIGHT, WIDTH = 24, 32
BOXES = Detection(labels=("bright",), max_detections=2, candidates=2)
MASK = Segmentation(labels=("dark", "bright"))
HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
BRIGHT = """
    level = Constant<value_float = 127.5>()
    values = Cast<to = 1>(image)
    over = Greater(values, level)
"""
OF_BOXES = """g (uint8[n, 1, 24, 32] image) => (float[n, 2, 4] boxes, int64[n, 2] labels, float[n, 2] scores,
                                                int64[n] count)
{
    bright = Cast<to = 1>(over)
    columns = ReduceMax<axes = [1, 2], keepdims = 0>(bright)
    rows = ReduceMax<axes = [1, 3], keepdims = 0>(bright)
    zero = Constant<value_float = 0.0>()
    one = Constant<value_float = 1.0>()
    many = Constant<value_float = 99.0>()
    x = Constant<value_floats = [X]>()
    y = Constant<value_floats = [Y]>()
    no_column = Equal(columns, zero)
    no_row = Equal(rows, zero)
    lefts = Where(no_column, many, x)
    tops = Where(no_row, many, y)
    left = ReduceMin<axes = [1], keepdims = 1>(lefts)
    top = ReduceMin<axes = [1], keepdims = 1>(tops)
    after_x = Add(x, one)
    after_y = Add(y, one)
    rights = Mul(columns, after_x)
    bottoms = Mul(rows, after_y)
    right = ReduceMax<axes = [1], keepdims = 1>(rights)
    bottom = ReduceMax<axes = [1], keepdims = 1>(bottoms)
    flat = Concat<axis = 1>(left, top, right, bottom)
    axis = Constant<value_ints = [1]>()
    first = Unsqueeze(flat, axis)
    second = Mul(first, zero)
    boxes = Concat<axis = 1>(first, second)
    nothing = Mul(left, zero)
    sure = Add(nothing, one)
    scores = Concat<axis = 1>(sure, nothing)
    none = Mul(scores, zero)
    labels = Cast<to = 7>(none)
    flat_count = Squeeze(sure, axis)
    count = Cast<to = 7>(flat_count)
}""".replace("X]", ", ".join(f"{float(x)}" for x in range(WIDTH)) + "]").replace(
    "Y]", ", ".join(f"{float(y)}" for y in range(HEIGHT)) + "]"
)
OF_MASK = """g (uint8[n, 1, 24, 32] image) => (uint8[n, 24, 32] classes)
{
    axis = Constant<value_ints = [1]>()
    flat = Squeeze(over, axis)
    classes = Cast<to = 2>(flat)
}"""


def decode(**change: Any) -> ImageDecode:
    plain: dict[str, Any] = {"mode": "L", "height": HEIGHT, "width": WIDTH, "interpolation": "bilinear"}
    return ImageDecode(**plain | {"exif": "apply"} | change)


def described_boxes(root: Path = Path("nowhere"), **change: Any) -> Bundle:
    outputs = ("boxes", "FP32", (2, 4)), ("labels", "INT64", (2,)), ("scores", "FP32", (2,)), ("count", "INT64", ())
    specs = tuple(TensorSpec(name=name, datatype=kind, shape=(-1, *shape)) for name, kind, shape in outputs)
    return described(root, name="boxes", task=BOXES, inputs=(picture(**change),), outputs=specs)


def described_mask(root: Path = Path("nowhere"), **change: Any) -> Bundle:
    output = TensorSpec(name="classes", datatype="UINT8", shape=(-1, HEIGHT, WIDTH))
    return described(root, name="mask", task=MASK, inputs=(picture(**change),), outputs=(output,))


def picture(**change: Any) -> TensorSpec:
    return TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, HEIGHT, WIDTH), decode=decode(**change))


def written_boxes(folder: Path, **change: Any) -> Bundle:
    return _written(described_boxes(folder / "boxes-1.0", **change), OF_BOXES)


def written_mask(folder: Path, **change: Any) -> Bundle:
    return _written(described_mask(folder / "mask-1.0", **change), OF_MASK)


def bright_png(width: int, height: int, box: tuple[int, int, int, int], kind: str = "PNG", **options: Any) -> bytes:
    """A dark picture's file, bright in the box."""
    pixels, (left, top, right, bottom) = np.zeros((height, width), np.uint8), box
    pixels[top:bottom, left:right] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def _written(bundle: Bundle, graph: str) -> Bundle:
    from torchferry.serving.session.onnx_session import OnnxSession

    root = bundle.root
    for part in ("golden", Path(FILE).parent):
        (root / part).mkdir(parents=True)
    head, _, nodes = graph.partition("{")
    onnx.save(parser.parse_model(f"{HEAD}\n{head}{{{BRIGHT}{nodes}"), root / FILE)
    golden = np.zeros((1, 1, HEIGHT, WIDTH), np.uint8)
    golden[:, :, 4:9, 6:20] = 200
    names = [spec.name for spec in bundle.outputs]
    np.savez(root / "golden" / "inputs.npz", image=golden)
    answered = OnnxSession(root / FILE, ["image"], names, 1).run({"image": golden})
    np.savez(root / "golden" / "outputs.npz", **answered)  # type: ignore[arg-type]
    object.__setattr__(bundle, "files", bundles.checksums(root))
    bundles.write(bundle)
    return bundle
