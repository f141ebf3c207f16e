"""Bundles made by hand that take texts and sounds: a text is spam by its words, a sound is loud by its samples."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tests.serving.tiny_bundle import FILE, VARIANT, described
from torchferry.contract.axes import NAN, Axis
from torchferry.contract.text import Tokenizer
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import AudioDecode, TensorSpec, TextDecode

WORDS = ("[PAD]", "[UNK]", "free", "money", "the", "meeting", "is", "at", "noon")
SPAM = (0.0, 0.0, 3.0, 2.0, -0.5, -3.0, -0.5, -0.5, -2.0)
"""How much each word speaks for it."""
MOST_TOKENS, MOST_SAMPLES, RATE = 12, 4_000, 8_000
TEXT = TensorSpec(
    name="ids",
    datatype="INT64",
    shape=(-1, -1),
    axes=(Axis(at=1, name="tokens", most=MOST_TOKENS),),
    pad=0,
    decode=TextDecode(truncate=False),
)
SOUND = TensorSpec(
    name="sound",
    datatype="FP32",
    shape=(-1, -1),
    axes=(Axis(at=1, name="samples", least=10, most=MOST_SAMPLES),),
    pad=NAN,
    allow_nan=False,
    decode=AudioDecode(rate=RATE, truncate=False),
)


def tokenizer_file() -> str:
    """tokenizer.json of a few words in small letters."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": None,
            "decoder": None,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
        }
    )


def ids_of(*texts: str) -> list[np.ndarray]:
    return Tokenizer(tokenizer_file()).encode(texts)


def written_text(folder: Path, name: str = "spam", spec: TensorSpec = TEXT) -> Bundle:
    """Answers `ham` or `spam` by the mean of its words, of which those that pad are none."""
    golden = np.array([[2, 3, 1], [4, 5, 0]], np.int64)
    rows = np.array([[-value, value] for value in SPAM], np.float32)
    nodes = [
        helper.make_node("Equal", [spec.name, "pad"], ["is_pad"]),
        helper.make_node("Not", ["is_pad"], ["is_word"]),
        helper.make_node("Cast", ["is_word"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["rows", spec.name], ["words"]),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["words", "wide"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Softmax", ["mean"], ["probabilities"], axis=1),
    ]
    constants = {"rows": rows, "pad": np.array(0), "last": np.array([2]), "middle": np.array([1])}
    return _written(folder, name, spec, golden, nodes, constants, ("ham", "spam"), {"tokenizer.json": tokenizer_file()})


def written_sound(folder: Path, name: str = "loud", spec: TensorSpec = SOUND) -> Bundle:
    """Answers `quiet` or `loud` by the mean of its samples' sizes, of which those that pad are none."""
    golden = np.array([[0.1] * 16, [0.9] * 16], np.float32)
    nodes = [
        helper.make_node("IsNaN", [spec.name], ["is_pad"]),
        helper.make_node("Where", ["is_pad", "zero", spec.name], ["kept"]),
        helper.make_node("Not", ["is_pad"], ["is_sample"]),
        helper.make_node("Cast", ["is_sample"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Abs", ["kept"], ["size"]),
        helper.make_node("ReduceSum", ["size", "middle"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["loud"]),
        helper.make_node("Sub", ["one", "loud"], ["quiet"]),
        helper.make_node("Concat", ["quiet", "loud"], ["probabilities"], axis=1),
    ]
    constants = {"zero": np.zeros((), np.float32), "one": np.ones((), np.float32), "middle": np.array([1])}
    return _written(folder, name, spec, golden, nodes, constants, ("quiet", "loud"), {})


def _written(
    folder: Path,
    name: str,
    spec: TensorSpec,
    golden: np.ndarray,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    labels: tuple[str, ...],
    files: dict[str, str],
) -> Bundle:
    root = folder / f"{name}-1.0"
    for part in ("golden", f"variants/{VARIANT}"):
        (root / part).mkdir(parents=True)
    for file, content in files.items():
        (root / file).write_text(content)
    kind = helper.np_dtype_to_tensor_dtype(golden.dtype)
    given = helper.make_tensor_value_info(spec.name, kind, ["n", "size"])
    answered = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])
    initial = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, [given], [answered], initial)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), root / FILE)
    (expected,) = onnxruntime.InferenceSession(str(root / FILE)).run(None, {spec.name: golden})
    np.savez(root / "golden" / "inputs.npz", **{spec.name: golden})  # type: ignore[arg-type]
    np.savez(root / "golden" / "outputs.npz", probabilities=expected)
    bundle = replace(described(root, labels=labels, name=name), inputs=(spec,), files=bundles.checksums(root))
    bundles.write(bundle)
    return bundle
