"""Each file that a builder makes is measured once; a variant is refused where users would be answered wrongly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from tests.serving.export.checks.test_whole_way import of
from tests.serving.export.tiny_reference import half, tiny_reference
from torchferry.serving.bundle.variant import Measured, Variant
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.build_variant import Judges, built_variant, open_file
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits
from torchferry.serving.export.checks.independence import Independence
from torchferry.serving.export.checks.other_sizes import OtherSizes
from torchferry.serving.export.checks.padding import Padding
from torchferry.serving.export.checks.state_chain import StateChain
from torchferry.serving.export.checks.whole_way import WholeWay
from torchferry.serving.export.golden_tolerance import GoldenTolerance
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.builders import BUILDERS
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.export.variants.quantize import Refusal
from torchferry.serving.export.variants.variants import torch_program
from torchferry.serving.session import Session
from torchferry.training.tasks.task import Served

LIMITS = Limits(max_abs_diff=1e-3)


class Counting(Expected):
    passes = 0

    def measure(self, session: Session) -> Measured:
        self.passes += 1
        return super().measure(session)


def build(folder: Path, reference: Reference, way: WholeWay) -> tuple[Variant, int]:
    (folder / "scratch").mkdir(parents=True)
    (folder / "b").mkdir()
    expected, graphs = Counting(reference, folder / "scratch"), Graphs(reference, folder / "scratch")
    independence = Independence(reference, 4)
    sizes, padding, chain = OtherSizes(reference), Padding(reference, pads=False), StateChain(reference)
    judges = Judges(expected, independence, way, sizes, padding, GoldenTolerance(expected, independence, 4), chain)
    made = built_variant("torch", graphs, judges, folder / "b", LIMITS)
    return made, expected.passes


def asking(graphs: Graphs, file: Path, refusal: Refusal) -> None:
    """It asks the gate about two files, as the search of int8 does, and about the last one twice."""
    torch_program(graphs, file, refusal)
    whole = file.read_bytes()
    wrong = tiny_reference(module=Served(nn.Linear(3, 2), half("classification")).eval())
    other = file.with_name("other")
    torch_program(Graphs(wrong, file.parent), other, refusal)
    file.write_bytes(other.read_bytes())
    other.unlink()
    assert refusal(file) is not None
    file.write_bytes(whole)
    assert refusal(file) is None
    assert refusal(file) is None


@pytest.mark.parametrize(("builder", "passes"), [(torch_program, 1), (asking, 2)])
def test_a_file_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: object, passes: int) -> None:
    reference = tiny_reference()
    monkeypatch.setitem(BUILDERS, "torch", builder)
    made, found = build(tmp_path, reference, WholeWay(reference, of(reference)))
    assert (made.status, made.reason, made.file) == ("accepted", None, "variants/torch/model.pt2")
    assert found == passes
    session = open_file("torch", tmp_path / "b" / made.file, reference, threads=1)
    inputs = reference.test.first(3)
    np.testing.assert_allclose(session.run(inputs)["probabilities"], reference.run(inputs)["probabilities"], atol=1e-6)


def of_another_shape(_: Graphs, file: Path, refusal: Refusal) -> None:
    wrong = tiny_reference(module=Served(nn.Linear(3, 1), half("classification")).eval())
    torch_program(Graphs(wrong, file.parent), file, refusal)


def test_what_answers_in_another_shape_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = tiny_reference()
    monkeypatch.setitem(BUILDERS, "torch", of_another_shape)
    with pytest.raises(CannotBuild, match=r"^torch gives 'probabilities' as \[1, 1\] instead of \[1, 2\]$"):
        build(tmp_path, reference, WholeWay(reference, of(reference)))


def test_what_passes_the_gate_and_answers_users_wrongly_is_refused(tmp_path: Path) -> None:
    """The labels that the bundle describes are not those of the reference: the codec would fail or mislead."""
    reference = tiny_reference()
    other = replace(of(reference), inputs=(replace(reference.inputs[0], shape=(-1, 4)),))
    made, _ = build(tmp_path, reference, WholeWay(reference, other))
    assert made.status == "refused"
    assert made.reason is not None
    assert made.reason.startswith("asked as a server is, tensors as JSON: a server refuses it: 'row' has shape [1, 3]")
