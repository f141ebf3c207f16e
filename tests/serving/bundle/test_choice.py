"""The choice of the variant that serves comes back as it was written, and a bundle of before the key has none."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.choice import Choice, Gain
from torchferry.serving.errors import BundleError

GAIN = Gain(ratio=2.0, low=1.9, high=2.125, saved_ms=3.5, rounds=15)
CHOICE = Choice(variant="onnx-int8", reason="it pays", over="onnx-fp32", gains={"onnx-int8": GAIN})


@pytest.mark.parametrize("choice", [CHOICE, Choice(variant="torch", reason="it was asked for"), None])
def test_it_comes_back_as_it_was_written(tmp_path: Path, choice: Choice | None) -> None:
    bundles.write(described(tmp_path, choice=choice))
    assert bundles.load(tmp_path).choice == choice


def test_a_bundle_of_before_the_key_has_none() -> None:
    before = Path(__file__).parents[2] / "made_before" / "bundle"
    assert "choice" not in json.loads((before / "model.json").read_text())
    assert bundles.load(before).choice is None


def test_one_that_lacks_a_part_is_no_bundle(tmp_path: Path) -> None:
    bundles.write(replace(described(tmp_path), choice={"variant": "torch"}))  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=r"model\.json: cannot be read"):
        bundles.load(tmp_path)


def test_a_gain_reads_as_a_ratio_with_its_interval() -> None:
    assert str(GAIN) == "2.00 [1.90, 2.12] times as fast"
