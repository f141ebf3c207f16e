"""What a runtime says of a graph becomes one line of ours, with the operator and without places."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from torchferry.serving.session import open_session
from torchferry.serving.session.runtime_words import SHOWN, in_our_words

FLOAT = TensorProto.FLOAT
TOO_NEW = 99


def written(folder: Path, *nodes: onnx.NodeProto, opset: int = 18, ir: int = 8, gives: str = "y") -> Path:
    """Takes `x`."""
    takes, answers = (helper.make_tensor_value_info(name, FLOAT, [3, 3]) for name in ("x", gives))
    graph = helper.make_graph(list(nodes), "graph", [takes], [answers])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.acme", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=ir), folder / "model.onnx")
    return folder / "model.onnx"


def node(kind: str, *inputs: str, to: str = "y", **given: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs or ("x",), [to], **given)  # type: ignore[arg-type]


HALF = node("Cast", "x", to="half")
HALF.attribute.append(helper.make_attribute("to", TensorProto.FLOAT16))
ONNX, OPENVINO = "onnx-fp32", "openvino-fp32"


@pytest.mark.parametrize(
    ("variant", "nodes", "said"),
    [
        (ONNX, [node("Foo", domain="com.acme")], "ONNX Runtime has no com.acme:Foo"),
        (ONNX, [node("Foo")], "ONNX Runtime has no Foo of opset 18"),
        (ONNX, [HALF, node("Mul", "half", "x")], "ONNX Runtime has no Mul of float16 and float together"),
        (OPENVINO, [node("Det")], "OpenVINO has no Det"),
        (OPENVINO, [node("Foo", domain="com.acme")], "OpenVINO has no com.acme.Foo"),
        (OPENVINO, [HALF, node("Mul", "half", "x")], "OpenVINO does not take its Mul"),
    ],
)
def test_the_operator_that_is_lacking_is_named(
    tmp_path: Path, variant: str, nodes: list[onnx.NodeProto], said: str
) -> None:
    with pytest.raises(Exception, match=r".") as refused:
        open_session(variant, written(tmp_path, *nodes), ["x"], ["y"], 1)
    assert in_our_words(refused.value) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"opset": TOO_NEW}, "it is in opset 99 of ai.onnx, and ONNX Runtime computes those up to "),
        ({"ir": TOO_NEW}, "it is in version 99 of ONNX's file format, and ONNX Runtime reads those up to "),
        ({"gives": "z"}, "This is an invalid model. Graph output (z) does not exist in the graph."),
    ],
)
def test_what_is_too_new_or_wrong_is_said_with_what_would_be_right(
    tmp_path: Path, change: dict[str, int], said: str
) -> None:
    with pytest.raises(Exception, match=r".") as refused:
        open_session(ONNX, written(tmp_path, node("Relu"), **change), ["x"], ["y"], 1)  # type: ignore[arg-type]
    assert in_our_words(refused.value).startswith(said)


def test_a_path_is_cut_to_its_name_and_a_nodes_name_is_not(tmp_path: Path) -> None:
    path = tmp_path / "model.xml"
    assert in_our_words(ValueError(f"cannot read {path}:3, see /conv1/Conv")) == (
        "ValueError: cannot read model.xml:3, see /conv1/Conv"
    )
    assert in_our_words("Exception from src/core.cpp:84: no room") == "no room"


def test_an_exporters_operator_is_named() -> None:
    said = "No ONNX function found for <OpOverload(op='aten.mode', overload='default')>. Failure message: No deco"
    assert in_our_words(said) == "ONNX has nothing for torch's aten.mode"
    said = "Could not find an implementation for Mul(14) node with name 'node_mul_4'"
    assert in_our_words(said) == "ONNX Runtime has no Mul for its numbers"


def test_a_long_text_is_one_short_line() -> None:
    said = in_our_words(RuntimeError("a\n b " * SHOWN))
    assert said.startswith("RuntimeError: a b a b")
    assert len(said) < SHOWN + 30
