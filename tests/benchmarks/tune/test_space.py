"""The grid that is searched: variants, cores, batches and delays."""

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import pytest

from torchferry.benchmarks.tune.space import BATCHES, delays, divisions, grid, variants
from torchferry.contract.tasks.regression import Regression
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.bundle.variant import Measured, Speed, Variant


def bundle_of(*accepted: str, refused: str = "onnx-int8", batch: int = -1) -> Bundle:
    def variant(status: Literal["accepted", "refused"]) -> Variant:
        of_nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(Measured))
        return Variant(
            status=status,
            reason=None,
            note=None,
            file="model",
            bytes=1,
            measured=Measured(**of_nothing),
            speed=Speed(load_seconds=1, batch_1_ms=1, batch_8_ms=1, threads=1),
            limits={},
            golden_tolerance=0,
        )

    tensor = TensorSpec(name="x", datatype="FP32", shape=(batch, 4))
    return Bundle(
        root=Path("b"),
        name="m",
        version="1",
        task=Regression(),
        inputs=(tensor,),
        outputs=(tensor,),
        reference={},
        variants={name: variant("accepted") for name in accepted} | {refused: variant("refused")},
        skipped={},
        provenance={},
        files={},
    )


@pytest.mark.parametrize(
    ("runtime", "cores", "found"),
    [
        ("onnx", 1, [(1, 1)]),
        ("onnx", 2, [(1, 1), (1, 2), (2, 1)]),
        ("onnx", 3, [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]),
        ("torchserve", 3, [(1, 3), (2, 1), (3, 1)]),
        ("torchserve", 8, [(1, 8), (2, 4), (4, 2), (8, 1)]),
    ],
)
def test_the_cores_are_shared_out(runtime: str, cores: int, found: list[tuple[int, int]]) -> None:
    assert list(divisions(runtime, cores)) == found


@pytest.mark.parametrize(
    ("runtime", "batch", "p99_ms", "found"),
    [
        ("onnx", 1, 50, [0]),
        ("onnx", 8, 50, [0, 2, 5]),
        ("onnx", 8, 20, [0, 2]),
        ("torchserve", 1, 50, [0]),
        ("torchserve", 8, 14, [1, 2]),
        ("torchserve", 8, 50, [1, 2, 5]),
    ],
)
def test_requests_wait_for_a_share_of_the_limit(runtime: str, batch: int, p99_ms: float, found: list[float]) -> None:
    assert delays(runtime, batch, p99_ms) == found


def test_a_runtime_serves_the_accepted_variants_that_it_can() -> None:
    bundle = bundle_of("torch", "onnx-fp32", "onnx-fp16")
    assert variants(bundle, "onnx", None) == ["onnx-fp32", "onnx-fp16"]
    assert variants(bundle, "torchserve", None) == ["torch", "onnx-fp32", "onnx-fp16"]
    assert variants(bundle, "onnx", "onnx-fp16,onnx-fp16") == ["onnx-fp16"]


@pytest.mark.parametrize(
    ("accepted", "asked", "words"),
    [
        (["torch", "onnx-fp32"], "torch", "--variants: b has no accepted 'torch' for onnx, only onnx-fp32"),
        (["onnx-fp32"], "onnx-int8", "--variants: b has no accepted 'onnx-int8' for onnx, only onnx-fp32"),
        (["torch"], "onnx-fp32", "--variants: b has no accepted 'onnx-fp32' for onnx, only none"),
        (["torch"], None, "b: has no accepted variant for onnx; export one with --variants onnx-fp32"),
    ],
)
def test_another_variant_is_refused(accepted: list[str], asked: str | None, words: str) -> None:
    with pytest.raises(UserError) as refused:
        variants(bundle_of(*accepted), "onnx", asked)
    assert str(refused.value) == words


def test_the_grid_has_every_combination_once() -> None:
    points = grid(bundle_of("onnx-fp32"), "onnx", ["onnx-fp32"], 2, 50)
    assert len(points) == len(set(points)) == 3 * (1 + 3 * 3)
    assert {point.batch for point in points} == set(BATCHES)


def test_a_model_that_takes_no_batches_is_given_none() -> None:
    points = grid(bundle_of("onnx-fp32", batch=1), "onnx", ["onnx-fp32"], 2, 50)
    assert {(point.batch, point.delay_ms) for point in points} == {(1, 0)}
