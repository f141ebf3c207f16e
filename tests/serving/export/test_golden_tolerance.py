"""What servers allow is by output: twice what was measured of it, and near ties of whole numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.deciding import CLEAR, TIED, Deciding
from tests.serving.export.checks.test_independence import reference_of
from tests.serving.export.tiny_reference import tiny_reference
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.independence import Independence
from torchferry.serving.export.golden_tolerance import GoldenTolerance
from torchferry.serving.export.reference import Reference


class Session:
    def __init__(self, reference: Reference, change: Callable[[dict[str, np.ndarray]], Any]) -> None:
        self.reference, self.change = reference, change

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self.reference.run(inputs)
        self.change(outputs)
        return outputs


def tolerance(reference: Reference, change: Callable[[dict[str, np.ndarray]], Any]) -> dict[str, float]:
    expected, independence = Expected(reference), Independence(reference, 4)
    session = Session(reference, change)
    dependence = independence.of(session, "onnx-fp32")
    return GoldenTolerance(expected, independence, 4).of(session, expected.measure(session), dependence)


class Three(nn.Module):
    def forward(self, row: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return 1e6 * row[:, :1].abs(), row[:, 1:2].clone(), 1e-6 * row[:, 1:2]


SPECS = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 1)) for name in ("large", "usual", "tiny"))


def test_it_is_twice_the_outputs_own_difference_and_at_least_what_float32_rounds_of_it() -> None:
    def off(outputs: dict[str, np.ndarray]) -> None:
        outputs["large"] += 8

    reference = tiny_reference(module=Three(), outputs=SPECS, task="tensors", labels=())
    found = tolerance(reference, off)
    assert found == {"large": 16, "usual": 1e-4, "tiny": pytest.approx(1e-4 * 5e-6)}
    changed = tolerance(reference, lambda outputs: np.add(outputs["usual"], 0.25, out=outputs["usual"]))
    assert changed["usual"] == 0.5


def test_what_company_changes_is_allowed_as_well() -> None:
    def together(outputs: dict[str, np.ndarray]) -> None:
        outputs["usual"] += np.float32(0.001 * (len(outputs["usual"]) == 2))

    reference = tiny_reference(module=Three(), outputs=SPECS, task="tensors", labels=())
    assert tolerance(reference, together)["usual"] == pytest.approx(0.002, rel=1e-3)


@pytest.mark.parametrize(
    ("rows", "wrong", "share"),
    [
        ([CLEAR] * 4, False, 1e-3),
        ([CLEAR, TIED, CLEAR, CLEAR], False, 0.25),  # which another machine may decide otherwise
        ([CLEAR, TIED, CLEAR, CLEAR], True, 0.75),  # the first of them, in either order
    ],
)
def test_of_whole_numbers_it_is_the_share_of_near_ties_and_of_what_the_variant_says_itself(
    rows: list[list[float]], wrong: bool, share: float
) -> None:
    reference = reference_of(Deciding(), torch.tensor(rows))

    def change(outputs: dict[str, np.ndarray]) -> None:
        if wrong and len(outputs["scores"]) == 4:
            outputs["scores"][0] ^= 1

    assert tolerance(reference, change) == {"scores": share}


def test_more_near_ties_than_are_excused_allow_nothing() -> None:
    reference = reference_of(Deciding(), torch.tensor([CLEAR, TIED, TIED, CLEAR]))
    assert tolerance(reference, lambda _: None) == {"scores": 1e-3}


class Hollow(nn.Module):
    def forward(self, row: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return row.argmax(1)[:, None], row[:, :0].long()


@pytest.mark.filterwarnings("error")
def test_an_output_without_elements_has_no_near_ties() -> None:
    specs = tuple(TensorSpec(name=n, datatype="INT64", shape=(-1, size)) for n, size in (("label", 1), ("none", 0)))
    reference = tiny_reference(module=Hollow(), outputs=specs, task="tensors", labels=())
    assert tolerance(reference, lambda _: None) == {"label": 1e-3, "none": 1e-3}
