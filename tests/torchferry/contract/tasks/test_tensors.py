"""Of several outputs each that scores labels is told by them, and the others by their numbers."""

import jsonschema
import numpy as np
import pytest

from tests.torchferry.contract.tasks.answers import check
from torchferry.contract.tasks.tensors import Tensors

OUTPUTS = {"kind": ("car", "bus", "van"), "wet": ("dry", "wet"), "box": None}
SEVERAL = Tensors(of_output=OUTPUTS)
GIVEN = {
    "box": np.array([[1, 2], [3, 4]]),
    "kind": np.array([-1.0, 2.5, 0.25], np.float32),
    "wet": np.array([7, 200], np.uint8),
}


def test_each_output_with_labels_has_its_own() -> None:
    bus, van = {"label": "bus", "score": 2.5}, {"label": "van", "score": 0.25}
    wet, dry = {"label": "wet", "score": 200.0}, {"label": "dry", "score": 7.0}
    said = SEVERAL.words(GIVEN, 2)
    assert said == {
        "outputs": {"kind": {**bus, "top_k": [bus, van]}, "wet": {**wet, "top_k": [wet, dry]}, "box": [[1, 2], [3, 4]]}
    }
    check(SEVERAL, said)


def test_nan_is_no_labels_score_and_stays_among_numbers() -> None:
    given = GIVEN | {"kind": np.full(3, np.nan, np.float32), "box": np.array([np.nan, 1.0])}
    said = SEVERAL.words(given, 2)
    assert said["outputs"]["kind"]["label"] is None
    check(SEVERAL, said)


def test_another_networks_outputs_are_not_its_schemas() -> None:
    said = SEVERAL.words(GIVEN, 2)["outputs"]
    for wrong in ({"kind": said["kind"]}, {**said, "wet": said["kind"]}, {**said, "box": {"left": 1}}):
        with pytest.raises(jsonschema.ValidationError):
            check(SEVERAL, {"outputs": wrong})


def test_a_number_and_a_truth_value_for_each_sample_are_told_as_they_are() -> None:
    task = Tensors(of_output={"size": None, "seen": None})
    said = task.words({"size": np.float32(0.5), "seen": np.bool_(True)}, 1)  # type: ignore[dict-item]
    assert said == {"outputs": {"size": 0.5, "seen": True}}
    check(task, said)


def test_numbers_of_which_nobody_has_said_more_have_no_words() -> None:
    assert SEVERAL.has_words
    assert not Tensors(of_output={"box": None}).has_words
    assert not Tensors().has_words


def test_a_bundle_says_what_its_outputs_are_called() -> None:
    task = Tensors().of_outputs(OUTPUTS)
    assert (task, task.outputs, task.settings) == (SEVERAL, ("kind", "wet", "box"), {})


def test_nothing_is_counted_or_measured() -> None:
    assert (SEVERAL.counted, SEVERAL.headline) == ((), "")
    assert not SEVERAL.counts(GIVEN).size
    assert SEVERAL.values(SEVERAL.sums(SEVERAL.rows(GIVEN, None))) == {}
    assert SEVERAL.agreement(GIVEN, GIVEN) is None
    assert Tensors(labels=("a", "b")).scores_labels
    assert not SEVERAL.scores_labels


def test_outputs_are_read_back() -> None:
    assert SEVERAL.labels_by_output == {"kind": OUTPUTS["kind"], "wet": OUTPUTS["wet"]}
    read = SEVERAL.read(SEVERAL.words(GIVEN, 3))
    assert read.keys() == OUTPUTS.keys()
    for name, values in GIVEN.items():
        np.testing.assert_array_equal(read[name], values)
    assert np.isnan(SEVERAL.read({"outputs": {**SEVERAL.words(GIVEN, 3)["outputs"], "box": [None, 1]}})["box"][0])
