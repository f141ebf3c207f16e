"""Detectors through the gate: objects are compared as sets, and what eight bits ruin is refused and mended."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.export.planted_detector import PlantedDetector, planted_reference, scenes
from torchferry.errors import UserError
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import limits_for, refusal
from torchferry.serving.export.checks.independence import Independence
from torchferry.serving.export.variants.onnx_graph import write_graph
from torchferry.serving.export.variants.torch_program import exported_program
from torchferry.serving.session import check_golden, open_variant
from torchferry.serving.session.onnx_session import OnnxSession


class Swapped:
    """A session that answers as the checkpoint, but for near ties: the objects of a picture in another order."""

    def __init__(self, reference: object, order: np.ndarray) -> None:
        self.reference, self.order = reference, order

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self.reference.run(inputs)  # type: ignore[attr-defined]
        for place, count in enumerate(outputs["count"].tolist()):
            order = self.order[self.order < count]
            for name in ("boxes", "labels", "scores"):
                outputs[name] = outputs[name].copy()
                outputs[name][place, :count] = outputs[name][place, order]
        return outputs


class Neighbourly(nn.Module):
    """Scores that depend on the other pictures of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.network = PlantedDetector(1.0)

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        given = self.network(pictures)
        return given | {"logits": given["logits"] - given["logits"].amax(dim=(0, 1)) * 2}


class Broken(nn.Module):
    """Has no number for bright pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.network = PlantedDetector(1.0)

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        given, brightness = self.network(pictures), pictures.float().mean(dim=(1, 2, 3))[:, None, None]
        return given | {"logits": torch.where(brightness > 35, torch.nan, given["logits"])}


def test_scores_that_are_no_numbers_are_not_hidden(tmp_path: Path) -> None:
    reference = planted_reference(Broken(), count=20)
    write_graph(exported_program(reference), reference, tmp_path / "model.onnx")
    session = OnnxSession(tmp_path / "model.onnx", ["image"], list(reference.task.outputs), 1)
    inputs = reference.test.first(20)
    expected, answered = reference.run(inputs), session.run(inputs)
    assert all(np.allclose(answered[name], values, atol=1e-4, equal_nan=True) for name, values in expected.items())
    assert 0 < np.isnan(expected["scores"]).any(axis=1).sum() < 20
    with pytest.raises(UserError, match=r"answers NaN for \d+ of 20 samples"):
        Expected(reference)


def test_objects_in_another_order_are_the_same_answer() -> None:
    reference = planted_reference(PlantedDetector(1.0), count=20)
    expected = Expected(reference)
    measured = expected.measure(Swapped(reference, np.random.default_rng(0).permutation(16)))
    assert (measured.max_abs_diff, measured.agreement, measured.changed_shares) == (0, 1, {"labels": 0, "count": 0})
    assert refusal(measured, limits_for("fp32", reference.task, {}, expected.scale)) is None


def test_a_lost_object_is_no_difference_of_numbers_but_of_the_count() -> None:
    class Losing(Swapped):
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            outputs = self.reference.run(inputs)  # type: ignore[attr-defined]
            return outputs | {"count": np.maximum(outputs["count"] - 1, 0)}

    reference = planted_reference(PlantedDetector(1.0), count=20)
    expected = Expected(reference)
    measured = expected.measure(Losing(reference, np.arange(16)))
    assert measured.max_abs_diff == 0
    refused = refusal(measured, limits_for("fp32", reference.task, {}, expected.scale))
    assert refused is not None
    assert "of 'count' are other values" in refused
    assert "agreement with the checkpoint is" in refused


def test_pictures_that_meet_are_found_out() -> None:
    Independence(planted_reference(PlantedDetector(1.0), count=16), 4)
    with pytest.raises(UserError, match="its samples are not independent"):
        Independence(planted_reference(Neighbourly(), count=16), 4)


def test_what_eight_bits_ruin_is_refused_and_what_ruined_it_stays_in_float(tmp_path: Path) -> None:
    assert sum(len(target["labels"]) for _, target in scenes(100)) >= 500
    bundle = export(planted_reference(PlantedDetector()), tmp_path / "bundle", ["onnx-fp32", "onnx-int8"], {}, "1")
    exact, int8 = bundle.variants["onnx-fp32"], bundle.variants["onnx-int8"]
    assert (exact.status, int8.status) == ("accepted", "accepted"), int8.reason
    assert int8.note is not None
    kept, _, refused = int8.note.partition("; with all in int8 ")
    assert kept.count(" of 5 nodes") == kept.count(",", 0, kept.index(" of ")) == 1, kept  # hidden and mixed
    drop = float(refused.partition("map50 drops by ")[2].partition(",")[0])
    assert drop >= 0.2
    assert int8.measured.score_drop is not None
    assert int8.measured.score_drop <= 0.005
    check_golden(open_variant(bundle, "onnx-int8", 1), bundle, "onnx-int8")
