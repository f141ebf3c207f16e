"""A segmenter through the gate: what eight bits ruin is refused in points of mIoU, and repaired."""

from pathlib import Path

from tests.serving.export.planted_segmenter import OBJECTS, PlantedSegmenter, planted_reference
from torchferry.serving.export.build_bundle import export
from torchferry.serving.session import check_golden, open_variant


def test_what_eight_bits_ruin_is_refused_and_what_ruined_it_stays_in_float(tmp_path: Path) -> None:
    pictures = 100
    assert pictures * OBJECTS >= 500
    reference = planted_reference(PlantedSegmenter(), pictures)
    bundle = export(reference, tmp_path / "bundle", ["onnx-fp32", "onnx-int8"], {}, "1")
    exact, int8 = bundle.variants["onnx-fp32"], bundle.variants["onnx-int8"]
    assert (exact.status, int8.status) == ("accepted", "accepted"), int8.reason
    assert exact.measured.score == bundle.reference["score"] == 1
    assert int8.note is not None
    kept, _, refused = int8.note.partition("; with all in int8 ")
    assert kept.startswith("in float: "), kept
    assert " of 4 nodes" in kept, kept
    assert float(refused.partition("miou drops by ")[2].partition(",")[0]) >= 0.2
    assert int8.measured.score_drop is not None
    assert int8.measured.score_drop <= 0.005
    check_golden(open_variant(bundle, "onnx-int8", 1), bundle, "onnx-int8")
