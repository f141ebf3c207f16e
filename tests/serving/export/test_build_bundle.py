"""A bundle says what the reference is, what each variant was measured at, and why one is missing."""

import importlib.metadata
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tests.commands import ROOT
from tests.serving.export.counted import Counted
from tests.serving.export.tiny_reference import tiny_reference
from tests.serving.export.watching import Watching
from tests.serving.networks import Branching
from tests.some import some
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export import build_bundle
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.build_variant import open_file
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.variants.builders import BUILDERS, Builder
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.export.variants.quantize import Refusal
from torchferry.serving.export.variants.variants import torch_program
from torchferry.serving.session import Session

NETWORKS = "tests.serving.networks"


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Its input has a name that np.savez cannot store."""
    made = tiny_reference(limits={"max_drop": 0.5, "max_abs_diff": 5.0})
    spec = TensorSpec(name="file", datatype="FP32", shape=made.inputs[0].shape)
    samples = Samples(made.test.data, ("file",))
    return tiny_reference(inputs=(spec,), test=samples, calibration=samples, limits=made.limits)


@pytest.fixture(scope="module")
def exported(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export(reference, tmp_path_factory.mktemp("tiny") / "b", ["torch"], {"max_abs_diff": -1.0}, "2.0")


def test_the_bundle_says_what_the_reference_is(exported: Bundle, reference: Reference) -> None:
    assert (exported.name, exported.version, exported.task) == ("tiny", "2.0", reference.task)
    assert (exported.inputs, exported.outputs, exported.labels) == (reference.inputs, reference.outputs, ("no", "yes"))
    assert (exported.reference["samples"], exported.reference["random"]) == (6, False)
    assert exported.label_shares == {"no": pytest.approx(4 / 6, abs=1e-6), "yes": pytest.approx(2 / 6, abs=1e-6)}
    assert exported.provenance["trained_with_torch"] == "2.0"
    assert exported.provenance["torch"] == importlib.metadata.version("torch")


def test_the_golden_samples_are_the_first_ones_with_the_references_outputs(
    exported: Bundle, reference: Reference
) -> None:
    inputs, outputs = exported.golden()
    assert len(inputs["file"]) == 4
    np.testing.assert_array_equal(inputs["file"], reference.test.first(4)["file"])
    np.testing.assert_array_equal(outputs["probabilities"], reference.run(inputs)["probabilities"])


def test_a_limit_that_is_given_wins_over_the_recipes_and_a_refused_variant_stays(exported: Bundle) -> None:
    variant = exported.variants["torch"]
    assert (variant.limits["max_abs_diff"], variant.limits["max_drop"]) == (-1.0, 0.5)
    assert variant.status == "refused"
    assert variant.reason is not None
    assert variant.reason.startswith("outputs differ by ")
    assert variant.bytes == exported.verified(variant.file).stat().st_size > 0
    assert isinstance(variant.golden_tolerance, dict)
    assert list(variant.golden_tolerance) == ["probabilities"]
    assert variant.golden_tolerance["probabilities"] == pytest.approx(1e-4, rel=0.5)


def test_a_network_that_cannot_be_traced_leaves_no_bundle(tmp_path: Path) -> None:
    reference = load_given(parser().parse_args(["--model", f"{NETWORKS}.Branching", "--input", "table:8"]))
    assert Branching.__name__ == reference.name
    with pytest.raises(UserError, match=r"model: torch\.export refuses it at .*networks\.py"):
        export(reference, tmp_path / "b", ["torch"], {}, "1.0")
    assert not list(tmp_path.iterdir())


def failing(error: Exception) -> Builder:
    """A builder that gets half-way."""

    def build(graphs: Graphs, file: Path, refusal: Refusal) -> str | None:
        torch_program(graphs, file, refusal)
        raise error

    return build


@pytest.mark.parametrize("before", [["torch"], []])
def test_a_half_made_variant_is_removed_but_not_what_another_shares(
    tmp_path: Path, before: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILDERS, "torch-compile", failing(RuntimeError("it is\nbroken")))
    bundle = export(tiny_reference(), tmp_path / "b", [*before, "torch-compile"], {}, "1.0")
    assert bundle.skipped == {"torch-compile": "RuntimeError: it is broken"}
    assert [path.name for path in (tmp_path / "b").glob("variants/*")] == before


def test_a_variant_is_skipped_for_the_first_of_its_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advice = RuntimeError("try something else")
    advice.__cause__ = ValueError("no such operator")
    monkeypatch.setitem(BUILDERS, "torch-compile", failing(advice))
    bundle = export(tiny_reference(), tmp_path / "b", ["torch-compile"], {}, "1.0")
    assert bundle.skipped == {"torch-compile": "ValueError: no such operator"}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, list[str], list[int]]:
    """Of two variants one cannot be built: the bundle, what was said, and how often each sample was read."""
    places = torch.arange(130)
    rows = torch.stack([places, torch.ones(130), -torch.ones(130)], dim=1)
    data, said = Counted(TensorDataset(rows, places % 2)), Watching()
    reference = tiny_reference(test=Samples(data, ("row",)), calibration=None)
    names = ["torch", "onnx-int8"]
    made = export(reference, tmp_path_factory.mktemp("watched") / "b", names, {}, "1.0", progress=said)
    return made, said.lines, data.reads


def test_one_pass_over_the_evaluation_set_feeds_everything(watched: tuple[Bundle, list[str], list[int]]) -> None:
    """But for the few that speed, golden files, users' requests and the company of samples are made of."""
    bundle, _, reads = watched
    assert bundle.variants["torch"].measured.samples == 130
    assert min(reads) == 1
    assert sum(reads) < 2 * len(reads)


def test_every_part_says_that_it_begins_and_what_became_of_it(watched: tuple[Bundle, list[str], list[int]]) -> None:
    _, lines, _ = watched
    starts = ["checkpoint begins", "torch begins", "torch          accepted  ", "onnx-int8 begins",
              "onnx-int8      skipped   (quantisation needs real samples", "checkpoint     in eager mode "]  # fmt: skip
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start)


def test_the_bundle_says_what_serves(watched: tuple[Bundle, list[str], list[int]], exported: Bundle) -> None:
    bundle, _, _ = watched
    assert bundle.choice is not None
    assert bundle.choice.variant == "torch"
    assert bundle.choice.reason.startswith("it is exact and there is no other; accuracy ")
    assert exported.choice is None  # its only variant was refused


def test_who_serves_is_measured_on_one_thread_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def watched(name: str, file: Path, reference: Reference, threads: int) -> Session:
        asked.append(threads)
        return open_file(name, file, reference, threads)

    monkeypatch.setattr(build_bundle, "open_file", watched)
    bundle = export(tiny_reference(), tmp_path / "b", ["onnx-fp32", "onnx-fp16"], {}, "1.0")
    assert bundle.choice is not None
    assert (set(bundle.choice.gains), asked) == ({"onnx-fp16"}, [1, 1])


def test_what_was_asked_for_serves(tmp_path: Path) -> None:
    names = ["torch", "onnx-fp32"]
    bundle = export(tiny_reference(), tmp_path / "b", names, {}, "1.0", serve="torch")
    assert bundle.choice is not None
    assert (bundle.choice.variant, bundle.choice.gains) == ("torch", {})
    assert bundle.choice.reason.startswith("it was asked for; accuracy ")


def test_no_file_of_a_bundle_names_a_folder_of_this_machine(bundle: Path) -> None:
    places = [os.fsencode(f"{place}/") for place in (ROOT, sys.prefix, tempfile.gettempdir(), Path.home())]
    for file in some(path for path in bundle.rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert [place for place in places if place in content] == [], file
