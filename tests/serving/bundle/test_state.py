"""What a bundle says of the state that its model carries."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.serving.bundle.test_bundle import change
from tests.serving.stateful import INPUTS, OUTPUTS, STATE, written_adding
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.state import start_of, wrong_state
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import BundleError

OTHERS = (
    TensorSpec(name="long", datatype="FP32", shape=(-1, 3)),
    TensorSpec(name="whole", datatype="INT64", shape=(-1, 2)),
    TensorSpec(name="text", datatype="BYTES", shape=(-1, 2)),
    TensorSpec(name="growing", datatype="FP32", shape=(-1, -1)),
)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"totl": "next_total"}, "there is no input 'totl'; did you mean total?"),
        ({"total": "next_totl"}, "there is no output 'next_totl'; did you mean next_total?"),
        ({"?": "y"}, "there is no input '?'; the model has x, total, long, whole, text, growing"),
        ({"long": "y"}, "the input 'long' is FP32 [-1, 3] and the output 'y' FP32 [-1, 2]; both have to be alike"),
        ({"whole": "y"}, "the input 'whole' is INT64 [-1, 2] and the output 'y' FP32 [-1, 2]; both have to be alike"),
        ({"text": "text"}, "'text' is BYTES; a state is made of numbers"),
        ({"growing": "growing"}, "'growing' is FP32 [-1, -1], and an axis behind the batch varies; a state has one "),
        ({"x": "y", "total": "y"}, "the output 'y' is named for two inputs"),
    ],
)
def test_pairs_that_are_none_are_told_by_name(state: dict[str, str], words: str) -> None:
    found = wrong_state(state, (*INPUTS, *OTHERS), (*OUTPUTS, *OTHERS))
    assert found
    assert found.startswith(words)


def test_a_request_has_to_bring_something() -> None:
    assert wrong_state({"x": "y", "total": "next_total"}, INPUTS, OUTPUTS) == (
        "every input is named; a request has to bring at least one"
    )
    assert wrong_state(STATE, INPUTS, OUTPUTS) is None


def test_it_comes_back_as_it_was_written_with_what_a_sequence_begins_with(tmp_path: Path) -> None:
    written = written_adding(tmp_path, start=3.0)
    loaded = bundles.load(written.root)
    assert loaded.state == STATE
    np.testing.assert_array_equal(start_of(loaded)["total"], np.full((1, 2), 3, np.float32))


def test_a_bundle_of_before_carries_none(tmp_path: Path) -> None:
    root = written_adding(tmp_path).root
    content = json.loads((root / "model.json").read_text())
    del content["state"]
    (root / "model.json").write_text(json.dumps(content))
    change(root)
    assert bundles.load(root).state == {}


def test_a_bundle_whose_state_is_none_of_its_tensors_is_refused(tmp_path: Path) -> None:
    root = written_adding(tmp_path).root
    change(root, state={"total": "next_totl"})
    with pytest.raises(BundleError, match=r"model\.json: its state: there is no output 'next_totl'; did you"):
        bundles.load(root)


def test_a_start_that_is_not_in_the_bundle_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not listed"):
        start_of(replace(written_adding(tmp_path), files={}))
