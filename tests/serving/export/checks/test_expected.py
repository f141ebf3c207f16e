"""The checkpoint's answers are computed once where there is room, and a variant is measured against them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.export.tiny_reference import tiny_reference
from tests.serving.export.watching import Watching
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.checks import expected as module
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.reference import Reference


def test_outputs_that_are_kept_are_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, run = tiny_reference(), module._run
    calls: list[Reference] = []

    def counted(reference: Reference, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        calls.append(reference)
        return run(reference, inputs)

    monkeypatch.setattr(module, "_run", counted)
    for scratch, passes in ((tmp_path, 1), (None, 3)):
        calls.clear()
        expected = Expected(reference, scratch)
        assert expected.measure(reference) == expected.measure(reference)
        assert len(calls) == passes


def test_a_pass_says_how_far_it_is() -> None:
    seen, reference = Watching(), tiny_reference()
    with TemporaryDirectory() as scratch:
        expected = Expected(reference, Path(scratch), seen)
        for _ in range(2):
            expected.measure(reference)
    assert seen.passes == 3 * [[6, 6]]


def test_differences_are_measured_by_output() -> None:
    class Two(nn.Module):
        def forward(self, row: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.full((len(row), 1), 1e6), row[:, :1]

    class Off:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            outputs = reference.run(inputs)
            return {"large": outputs["large"] + 8, "small": outputs["small"] - np.float32(0.25)}

    specs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 1)) for name in ("large", "small"))
    reference = tiny_reference(module=Two(), outputs=specs, task="tensors", labels=())
    result = Expected(reference).measure(Off())
    assert (result.differences, result.max_abs_diff) == ({"large": 8, "small": 0.25}, 8)
