"""Triton serves what ONNX Runtime computes; of others it is said why it does not."""

from pathlib import Path

import pytest

from tests.serving.tiny_bundle import described, variant
from torchferry.errors import UserError
from torchferry.serving.export.formats.kserve import write_kserve
from torchferry.serving.export.formats.triton import write_triton
from torchferry.serving.export.formats.triton_variants import UNLIKE_OURS, triton_variants, why_not


def test_those_of_onnx_runtime_are_its_own() -> None:
    accepted = {name: variant() for name in ("torch", "onnx-fp32", "onnx-int8", "openvino-fp32")}
    assert triton_variants(described(variants=accepted)) == ["onnx-fp32", "onnx-int8"]
    assert [why_not("openvino-int8"), why_not("torch")] == [UNLIKE_OURS, "an ONNX graph is what is written for it"]


@pytest.mark.parametrize(
    ("name", "why"), [("openvino-fp32", UNLIKE_OURS), ("torch", "an ONNX graph is what is written for it")]
)
def test_a_bundle_without_any_is_one_line_and_nothing_is_written(tmp_path: Path, name: str, why: str) -> None:
    bundle = described(variants={name: variant()})
    words = f"^nowhere: has no accepted ONNX variant; {name} is none for Triton: {why}$"
    with pytest.raises(UserError, match=words):
        write_triton(bundle, tmp_path / "repository")
    with pytest.raises(UserError, match=words):
        write_kserve(bundle, "s3://models/tiny", tmp_path / "manifest")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_accepted_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"^nowhere: has no accepted ONNX variant$"):
        triton_variants(described(variants={"onnx-fp32": variant(status="refused")}))
