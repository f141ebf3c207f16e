"""A bundle made by hand whose samples have unequal lengths: token ids, 0 of which stands behind a shorter one."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import parser

from tests.serving.tiny_bundle import FILE, described
from torchferry.contract.axes import Axis
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec

MOST = 512
GRAPH = """<ir_version: 8, opset_import: ["" : 17]>
g (int64[n, tokens] ids) => (float[n, 2] means, float[n, tokens] each)
{
    zero = Constant<value_int = 0>()
    is_pad = Equal(ids, zero)
    is_own = Not(is_pad)
    mask = Cast<to = 1>(is_own)
    numbers = Cast<to = 1>(ids)
    scale = Constant<value_floats = [0.001]>()
    small = Mul(numbers, scale)
    waves = Sin(numbers)
    axis = Constant<value_ints = [1]>()
    count = ReduceSum<keepdims = 1>(mask, axis)
    small_sum = ReduceSum<keepdims = 1>(small, axis)
    wave_sum = ReduceSum<keepdims = 1>(waves, axis)
    small_mean = Div(small_sum, count)
    wave_mean = Div(wave_sum, count)
    means = Concat<axis = 1>(small_mean, wave_mean)
    each = Sub(waves, wave_mean)
}"""
"""Two means over a text's own tokens, and for each of them how far it is from one: behind a text `each` is not 0."""


def described_texts(root: Path = Path("nowhere"), pad: float | None = 0, **change: Any) -> Bundle:
    tokens = (Axis(at=1, name="tokens", most=MOST),)
    given = TensorSpec(name="ids", datatype="INT64", shape=(-1, -1), axes=tokens, pad=pad)
    outputs = (
        TensorSpec(name="means", datatype="FP32", shape=(-1, 2)),
        TensorSpec(name="each", datatype="FP32", shape=(-1, -1), axes=tokens),
    )
    whole = {"name": "texts", "task": "tensors", "labels": (), "inputs": (given,), "outputs": outputs}
    return described(root, **whole | change)


def written_texts(folder: Path, **change: Any) -> Bundle:
    root = folder / "texts-1.0"
    for part in ("golden", Path(FILE).parent):
        (root / part).mkdir(parents=True)
    onnx.save(parser.parse_model(GRAPH), root / FILE)
    ids = np.arange(1, 13).reshape(2, 6)
    np.savez(root / "golden" / "inputs.npz", ids=ids)
    np.savez(root / "golden" / "outputs.npz", **expected(ids))  # type: ignore[arg-type]
    bundle = described_texts(root, **change)
    bundle = dataclasses.replace(bundle, files=bundles.checksums(root))
    bundles.write(bundle)
    return bundle


def expected(ids: np.ndarray) -> dict[str, np.ndarray]:
    """What texts of one length are answered alone."""
    waves = np.sin(ids)
    means = np.stack([ids.mean(1) / 1000, waves.mean(1)], 1)
    return {"means": means.astype(np.float32), "each": (waves - waves.mean(1, keepdims=True)).astype(np.float32)}


def texts(count: int, longest: int = 128, seed: int = 0) -> list[np.ndarray]:
    """Of one sample each, of other lengths."""
    random = np.random.default_rng(seed)
    return [random.integers(1, 1000, (1, length)) for length in random.integers(1, longest, count, endpoint=True)]
