"""A variant is refused if what users send does not become the gate's sample, or is answered with something else."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.serving.bright_bundle import decode, described_boxes
from tests.serving.deciding import CLEAR, TIED, Deciding
from tests.serving.export.checks.test_independence import reference_of
from tests.serving.export.checks.test_user_requests import PICTURES
from tests.serving.export.tiny_reference import half, tiny_reference
from tests.serving.tiny_bundle import described
from tests.training.data.pictures.test_image_files import IMAGE, files
from torchferry.contract.placement import Placement
from torchferry.contract.resize import spans
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.checks import whole_way
from torchferry.serving.export.checks.whole_way import WholeWay, differs
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.data.pictures.image_files import ImageFiles
from torchferry.training.tasks.task import Served

TOLERANCE = {"probabilities": 1e-4, "map": 1e-4}


class Computing:
    """A session that gives the reference's outputs, and then what `change` makes of them."""

    def __init__(self, reference: Reference, change: Any = None) -> None:
        self.reference, self.change = reference, change or (lambda outputs: outputs)
        self.sizes: list[int] = []

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.sizes.append(len(next(iter(inputs.values()))))
        writable = {name: values.copy() for name, values in inputs.items()}
        return {name: self.change(values) for name, values in self.reference.run(writable).items()}


class UpsideDown(ImageFiles):
    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, target = super().__getitem__(index)
        return image.flip(1), target


def of(reference: Reference, **change: Any) -> Bundle:
    parts = ("task", "inputs", "outputs")
    return described(**{part: getattr(reference, part) for part in parts} | change)


def pictures(folder: Path) -> Reference:
    data = files(folder, *(f"{number}.png" for number in range(5)))
    data.targets = torch.zeros(5, dtype=torch.int64)
    specs = (TensorSpec(name="image", datatype="UINT8", shape=(-1, 3, 4, 3), decode=PICTURES),)
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(36, 2)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.linear(image.flatten(1) / 255)

    samples = Samples(data, ("image",))
    module = Served(Net(), half("classification", ("no", "yes"))).eval()
    return tiny_reference(module=module, inputs=specs, test=samples, calibration=samples)


def test_answers_are_compared_in_the_networks_pixels(tmp_path: Path) -> None:
    """Which tolerances are of; in a large picture's the same difference would be a larger one."""
    reference = pictures(tmp_path)
    way = WholeWay(reference, of(reference))
    (what, request, _), *_ = way.asked
    assert request.placements, what
    request = replace(request, placements=[Placement(*spans(640, 480, decode()))])
    way.bundle = described_boxes()
    outputs: dict[str, np.ndarray] = {
        "boxes": np.array([[[1, 2, 3, 4], [0, 0, 0, 0]]], np.float32),
        "labels": np.zeros((1, 2), np.int64),
        "scores": np.ones((1, 2), np.float32),
        "count": np.array([1]),
    }
    assert way._answered(request, outputs)["objects"][0]["box"] == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["rows", "pictures"])
def test_what_answers_as_the_checkpoint_is_accepted(tmp_path: Path, kind: str) -> None:
    reference = pictures(tmp_path) if kind == "pictures" else tiny_reference()
    way, session = WholeWay(reference, of(reference)), Computing(reference)
    assert way.refusal(session, TOLERANCE) is None
    assert session.sizes == [sum(request.size for _, request, _ in way.asked)]  # all of them share a batch
    assert session.sizes[0] > 8


def test_a_masked_score_is_answered_as_the_checkpoint_does() -> None:
    class Masking(nn.Module):
        def forward(self, row: torch.Tensor) -> torch.Tensor:
            return row.masked_fill(row > 3, float("-inf"))[:, :2]

    reference = tiny_reference(module=Masking(), task="tensors", labels=())
    way = WholeWay(reference, of(reference))
    assert way.refusal(Computing(reference), TOLERANCE) is None
    wrong = way.refusal(Computing(reference, np.nan_to_num), TOLERANCE)
    assert wrong is not None
    assert "differs by inf beside other requests" in wrong


def test_a_file_that_is_read_as_another_sample_refuses(tmp_path: Path) -> None:
    """The evaluation data were turned upside down by somebody's own reader."""
    reference = pictures(tmp_path)
    turned = Samples(UpsideDown(tmp_path, reference.test.data.files, IMAGE), ("image",))  # type: ignore[attr-defined]
    way = WholeWay(replace(reference, test=turned), of(reference))
    refused = way.refusal(Computing(reference), TOLERANCE)
    assert refused is not None
    assert refused.startswith(f"asked as a server is, {tmp_path / '0.png'}: 'image' is read as another sample than")


def test_a_request_that_a_server_refuses_refuses() -> None:
    reference = tiny_reference()
    bundle = of(reference, inputs=(TensorSpec(name="row", datatype="INT64", shape=(-1, 3)),))
    refused = WholeWay(reference, bundle).refusal(Computing(reference), TOLERANCE)
    assert refused is not None
    assert "asked as a server is, tensors as JSON: a server refuses it: 'row' has datatype FP32" in refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values[::-1], "'probabilities' differs by "),
        (lambda values: values[:, ::-1], "'probabilities' differs by "),
        (lambda values: values + 0.01, "'probabilities' differs by 0.01 beside other requests, allowed are 0.0001"),
        (lambda values: values * np.nan, "'probabilities' differs by inf"),
        (lambda values: values[:0], "'probabilities' is "),
    ],
)
def test_other_outputs_beside_other_requests_refuse(change: Any, words: str) -> None:
    reference = tiny_reference()
    refused = WholeWay(reference, of(reference)).refusal(Computing(reference, change), TOLERANCE)
    assert refused is not None
    assert refused.startswith(f"asked as a server is, tensors as JSON: {words}")


def test_large_outputs_may_be_rounded_and_integers_not() -> None:
    large, ids = np.array([[3e6, -2.0]], np.float32), np.array([[3_000_000]])
    tolerance = {"y": 1e-4}
    assert whole_way._outputs_differ({"y": large + 16}, {"y": large}, tolerance) is None
    assert whole_way._outputs_differ({"y": large + 64}, {"y": large}, tolerance) is not None
    found = whole_way._outputs_differ({"y": ids + 1}, {"y": ids}, tolerance)
    assert found == "'y' differs in 100.00% beside other requests, allowed are 0.01%"


def test_an_answer_that_says_something_else_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec that has the labels in another order for one of two sessions."""
    reference, answer, calls = tiny_reference(), whole_way.answer, []

    def swapped(request: Any, outputs: Any, bundle: Bundle, *rest: Any) -> str:
        calls.append(request)
        other = replace(bundle, task=replace(bundle.task, labels=bundle.labels[::-1])) if len(calls) % 2 else bundle
        return answer(request, outputs, other, *rest)

    monkeypatch.setattr(whole_way, "answer", swapped)
    refused = WholeWay(reference, of(reference)).refusal(Computing(reference), TOLERANCE)
    assert refused is not None
    assert refused.startswith("asked as a server is, instances: answer.predictions.")


def test_long_answers_are_not_all_compared_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    spec = (TensorSpec(name="map", datatype="FP32", shape=(-1, 2)),)
    reference = tiny_reference(task="tensors", module=nn.Linear(3, 2).eval(), outputs=spec, labels=())
    answer = whole_way.answer
    sizes: list[int] = []

    def counted(request: Any, *rest: Any) -> str:
        sizes.append(request.size)
        return answer(request, *rest)

    monkeypatch.setattr(whole_way, "MOST_NUMBERS", 1)
    monkeypatch.setattr(whole_way, "answer", counted)
    assert WholeWay(reference, of(reference)).refusal(Computing(reference), TOLERANCE) is None
    assert sizes == [1, 1]  # the first request's two answers


@pytest.mark.parametrize(
    ("given", "wanted", "found"),
    [
        ({"values": {"a": 1.0}}, {"values": {"a": 1.00001}}, None),
        ({"values": {"a": 1.0}}, {"values": {"a": 2.0}}, "answer.values.a is 1, not 2"),
        ({"values": {"a": 1.0}}, {"values": {"b": 1.0}}, "answer.values is {'a': 1.0}, not {'b': 1.0}"),
        ([1.0, None], [1.0, None], None),
        ([1.0, None], [1.0, 2.0], "answer is None, not 2.0"),
        ([1.0], [1.0, 2.0], "answer is [1.0], not [1.0, 2.0]"),
        ({"data": [True]}, {"data": [False]}, "answer.data is True, not False"),
        ("a", "b", "answer is a, not b"),
    ],
)
def test_answers_are_compared_part_by_part(given: Any, wanted: Any, found: str | None) -> None:
    assert differs(given, wanted, TOLERANCE) == found


def labelled(*top: tuple[str, float]) -> dict[str, Any]:
    best = [{"label": label, "probability": probability} for label, probability in top]
    return {"model": "m", **best[0], "top_k": best}


def test_labels_that_are_about_as_likely_may_change_places_and_others_not() -> None:
    wanted = labelled(("cat", 0.40001), ("dog", 0.4), ("eel", 0.2))
    assert differs(labelled(("dog", 0.40001), ("cat", 0.4), ("eel", 0.2)), wanted, TOLERANCE) is None
    assert differs(labelled(("eel", 0.40001), ("cat", 0.4), ("dog", 0.2)), wanted, TOLERANCE) is not None
    twice = labelled(("cat", 0.5), ("cat", 0.3), ("dog", 0.2))
    assert differs(twice, twice, TOLERANCE) is None
    other = wanted | {"label": "dog"}  # which is not the first of its own list
    assert differs(other, wanted, TOLERANCE) is not None


def test_a_label_at_its_threshold_may_be_given_or_not() -> None:
    def several(*labels: str, **probabilities: float) -> dict[str, Any]:
        return {"model": "m", "labels": [*labels], "probabilities": probabilities}

    wanted = several("dog", "cat", cat=0.5, dog=0.50001)
    assert differs(several("dog", cat=0.49999, dog=0.50001), wanted, TOLERANCE) is None
    assert differs(several("cat", "dog", cat=0.50001, dog=0.5), wanted, TOLERANCE) is None
    assert differs(several("dog", "cat", cat=0.6, dog=0.50001), wanted, TOLERANCE) is not None
    assert differs(several("dog", "cat", cat=0.5, eel=0.50001), wanted, TOLERANCE) is not None


def test_labels_of_several_outputs_are_compared_by_their_scores() -> None:
    def scored(*top: tuple[str, float]) -> dict[str, Any]:
        best = [{"label": label, "score": score} for label, score in top]
        return {"outputs": {"kind": {**best[0], "top_k": best}}}

    wanted = scored(("car", 2.00001), ("bus", 2.0))
    assert differs(scored(("bus", 2.00001), ("car", 2.0)), wanted, TOLERANCE) is None
    assert differs(scored(("bus", 2.5), ("car", 2.0)), wanted, TOLERANCE) is not None


def test_several_samples_of_one_request_have_their_own_answers() -> None:
    reference = tiny_reference(test=Samples(TensorDataset(torch.eye(3)), ("row",)))
    way = WholeWay(reference, of(reference))
    what, request, wanted = next(asked for asked in way.asked if asked[0] == "rows as CSV")
    assert (what, request.size, len(wanted["probabilities"])) == ("rows as CSV", 3, 3)


def test_each_output_has_its_own_tolerance() -> None:
    class Two(nn.Module):
        def forward(self, row: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.full((len(row), 1), 1e4), row[:, :1]

    specs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 1)) for name in ("large", "small"))
    reference = tiny_reference(module=Two(), outputs=specs, task="tensors", labels=())
    way, tolerances = WholeWay(reference, of(reference)), {"large": 16.0, "small": 1e-3}

    class Off:
        def __init__(self, by: float) -> None:
            self.by = np.float32(by)

        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            outputs = Computing(reference).run(inputs)
            return {"large": outputs["large"] + 8, "small": outputs["small"] + self.by}

    assert way.refusal(Off(0), tolerances) is None
    refused = way.refusal(Off(0.01), tolerances)
    assert refused is not None
    assert "'small' differs by 0.01 beside other requests, allowed are 0.00" in refused


@pytest.mark.parametrize("small", [1.0, 3.0])
def test_the_text_of_an_answer_is_compared_by_output(small: float) -> None:
    tolerances = {"large": 16.0, "small": 1e-3}
    given, wanted = (
        {"outputs": [{"name": "large", "data": [one]}, {"name": "small", "data": [other]}]}
        for one, other in ((1e4 + 8, small), (1e4, 1.0))
    )
    assert differs(given, wanted, tolerances) == (None if small == 1 else "answer.outputs.data is 3, not 1")
    by_name = {"predictions": [{"large": 1e4 + 8, "small": small}]}, {"predictions": [{"large": 1e4, "small": 1.0}]}
    assert differs(*by_name, tolerances) == (None if small == 1 else "answer.predictions.small is 3, not 1")


@pytest.mark.parametrize("name", ["outputs", "predictions"])
def test_an_output_called_as_what_is_around_all_lends_others_no_tolerance(name: str) -> None:
    given, wanted = ({"predictions": [{"outputs": {name: [1.0], "box": [box]}}]} for box in (1e4 + 8, 1e4))
    assert differs(given, wanted, {name: 1e-3, "box": 10.0}) is None


@pytest.mark.parametrize(
    ("row", "beside", "words"),
    [
        (TIED, True, None),
        (CLEAR, False, None),  # which the gate has judged
        (CLEAR, True, "tensors as JSON: 'scores' differs in 100.00% beside other requests, allowed are 0.10%"),
    ],
)
def test_another_whole_number_refuses_unless_it_is_a_near_tie_or_the_variants_own(
    row: list[float], beside: bool, words: str | None
) -> None:
    reference = reference_of(Deciding(), torch.tensor([row, CLEAR]))

    class Other(Computing):
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            outputs = super().run(inputs)
            if not beside or len(inputs["row"]) > 2:
                outputs["scores"][(inputs["row"] == np.array(row, np.float32)).all(1)] ^= 1
            return outputs

    refused = WholeWay(reference, of(reference)).refusal(Other(reference), {"scores": 1e-3})
    assert refused == (words and f"asked as a server is, {words}")
