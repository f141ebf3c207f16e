"""A run that goes on is compared with its checkpoint: what may differ is said, the rest is refused by name."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.checkpointing.fingerprint import (
    Fingerprint,
    adopt,
    compare,
    fingerprint_of,
    of_card,
    parsed,
)
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import OptimizerConfig
from torchferry.training.data.source import Input, Listing, Source, TableInput

DIGITS = Component(name="digits")
WHERE = "runs/that/checkpoints/step-8"


def made(**changes: Any) -> Fingerprint:
    given: dict[str, Any] = {"recipe": tiny.recipe(), "source": tiny.corners(), "network": nn.Linear(3, 3)}
    return fingerprint_of(**given | changes)


def difference(now: Fingerprint, *, new_run: bool = True, inside_epoch: bool = False) -> list[str]:
    return compare(made(), now, WHERE, new_run=new_run, inside_epoch=inside_epoch)


def refusal(now: Fingerprint, **how: bool) -> str:
    with pytest.raises(UserError) as refused:
        difference(now, **how)
    return str(refused.value)


def changed(part: str, **values: Any) -> Fingerprint:
    now = copy.deepcopy(made())
    now[part] |= values
    return now


def test_it_says_everything_that_a_run_depends_on() -> None:
    found = made()
    assert found["labels"] == ["x", "y", "z"]
    assert found["input"] == {"kind": "tensor", "shape": [3], "datatype": "float32"}
    assert found["samples"] == {"train": {"samples": 8, "sha256": None}, "test": {"samples": 6, "sha256": None}}
    assert found["network"] == {"weight": [3, 3], "bias": [3]}
    assert found["recipe"]["optimizer.args.lr"] == 0.1
    assert {"torch", "numpy", "torchferry"} <= found["versions"].keys()
    assert not [key for key in found["recipe"] if key.startswith(("metrics", "checkpoint", "runs_dir"))]


def test_of_the_same_run_nothing_is_said() -> None:
    assert difference(made(), inside_epoch=True) == []


def test_a_new_learning_rate_takes_effect_and_is_said() -> None:
    recipe = tiny.recipe(optimizer=OptimizerConfig(name="SGD", args={"lr": 0.2, "momentum": 0.9}), epochs=5)
    said = "from here on with optimizer.args.lr 0.2 (was 0.1), optimizer.args.momentum 0.9 (was None)"
    assert difference(made(recipe=recipe)) == [said]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "regression"}, "was trained with task classification, the recipe says regression"),
        ({"model": Component(name="mlp")}, "was trained with model.args.in_features 3, the recipe says None"),
    ],
)
def test_another_task_or_network_is_refused_by_its_key(changes: dict[str, Any], words: str) -> None:
    assert refusal(made(recipe=tiny.recipe(**changes))) == f"resume: {WHERE} {words}"


@pytest.mark.parametrize("changes", [{"seed": 4}, {"data": {"batch_size": 8}}])
def test_inside_an_epoch_the_samples_that_are_left_stay_the_same(changes: dict[str, Any]) -> None:
    now = made(recipe=tiny.recipe(**changes))
    assert len(difference(now)) == 1
    assert "stands inside an epoch with" in refusal(now, inside_epoch=True)


def test_other_samples_are_said_at_an_epochs_beginning_and_refused_inside() -> None:
    more = changed("samples", train={"samples": 10, "sha256": "a"})
    assert difference(more) == ["10 training samples now, 8 before"]
    words = "stands inside an epoch of 8 training samples; now there are 10, or others; put the old ones back, or give"
    assert words in refusal(more, inside_epoch=True)
    others = changed("samples", train={"samples": 8, "sha256": "b"})
    assert difference(others) == ["8 training samples now, 8 before, and others than before"]
    tests = changed("samples", test={"samples": 9, "sha256": None})
    told = "9 test samples now, 6 before; scores before are of the old ones, so the best is looked for anew"
    assert difference(tests, inside_epoch=True) == [told]


def test_another_input_is_refused_by_its_part() -> None:
    words = f"data.source: its shape is [4]; {WHERE} was trained with [3]"
    assert refusal(changed("input", shape=[4])) == words


def test_another_network_is_refused_by_its_weight() -> None:
    words = f"model: its weight is [5, 3]; {WHERE} is of another model, where it is [3, 3]"
    assert refusal(made(network=nn.Linear(3, 5))) == words


def test_other_versions_are_said() -> None:
    [said] = difference(changed("versions", torch="9.9"))
    assert said.startswith("computed by torch 9.9 (was 2.")
    assert said.endswith("from here on; numbers may differ in their last bits")


def labelled(*labels: str) -> Source:
    return replace(tiny.corners(), labels=labels)


def test_other_classes_are_refused_with_both_lists() -> None:
    with pytest.raises(UserError) as refused:
        adopt(labelled("bulldog", "y", "z"), made(), WHERE)
    assert str(refused.value) == (
        f"data.source: its classes are [bulldog, y, z]; {WHERE} was trained on [x, y, z]; "
        "give the old ones their names back, or this run another --name"
    )
    many = tuple(map(str, range(1000)))
    with pytest.raises(UserError, match=r"\[0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 990 more\]"):
        adopt(labelled(*many), made(), WHERE)


def test_values_are_not_gone_on_with_as_classes() -> None:
    with pytest.raises(UserError, match=r"data\.source: gives values, .* was trained on classes"):
        adopt(tiny.sums(), made(), WHERE)


def scaled(mean: float) -> Source:
    """Of a table whose mean is computed from its rows."""
    known = TableInput(columns=("a", "b", "c"), mean=(mean,) * 3, std=(1.0,) * 3)

    def refit(given: Input) -> Source:
        return replace(source, input=given)

    source = replace(tiny.corners(), input=known, refit=refit)
    return source


def test_what_was_fitted_stays_as_the_run_began() -> None:
    saved = made(source=scaled(1.0))
    now = adopt(scaled(2.0), saved, WHERE)
    assert now.input == scaled(1.0).input
    assert compare(saved, made(source=now), WHERE, new_run=False, inside_epoch=False) == []


def test_what_was_chosen_since_is_compared_as_well() -> None:
    """As where another process has begun the run between the record and the lock."""
    other = made() | {"labels": ["x", "y", "w"]}
    assert refusal(other, new_run=False).startswith("data.source: its classes are [x, y, w]; ")
    scaled_targets = made() | {"target_scale": {"mean": [2.0], "std": [1.0]}}
    words = f"data.source: its target's mean is [2.0]; {WHERE} was trained with missing"
    assert refusal(scaled_targets, new_run=False) == words


def test_what_fits_or_cannot_be_fitted_is_left_as_it_is() -> None:
    same, plain = scaled(1.0), tiny.corners()
    assert adopt(same, made(source=same), WHERE) is same
    assert adopt(plain, made(source=same), WHERE) is plain


def test_it_comes_back_from_a_checkpoint() -> None:
    assert parsed(json.dumps(made()).encode(), WHERE) == made()


def test_an_input_of_before_has_what_could_not_be_said_then() -> None:
    before = made()
    del before["input"]["datatype"]
    assert parsed(json.dumps(before).encode(), WHERE) == made()


def test_a_recipe_of_before_differs_by_nothing_that_could_not_be_said_then() -> None:
    now = made(recipe=tiny.recipe(data={"source": DIGITS}))
    before = copy.deepcopy(now)
    for key in ("source.args.resize", "source.args.interpolation", "sampling", "validation_fraction"):
        del before["recipe"][f"data.{key}"]
    saved = parsed(json.dumps(before).encode(), WHERE)
    assert compare(saved, now, WHERE, new_run=True, inside_epoch=True) == []
    other = made(recipe=tiny.recipe(data={"source": Component(name="digits", args={"resize": "pad"})}))
    with pytest.raises(UserError, match=r"inside an epoch with data\.source\.args\.resize squash, the recipe says pad"):
        compare(saved, other, WHERE, new_run=True, inside_epoch=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no fingerprint of a run"),
        ("[]", "is no fingerprint"),
        ('{"schema": "x/9"}', "has schema x/9; this"),
        ('{"schema": "torchferry.fingerprint/1", "input": {"kind": "smell"}}', "is no fingerprint"),
    ],
)
def test_what_is_no_fingerprint_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^{WHERE}: {words}"):
        parsed(text.encode(), WHERE)


@pytest.mark.parametrize("text", [b"", b"[", b"task: regression", b"3", b"\xff"])
def test_what_is_no_card_says_nothing(text: bytes) -> None:
    assert of_card(text) is None


def test_listings_are_part_of_it() -> None:
    listed = replace(tiny.corners(), listings={"test": Listing(samples=6, sha256="abc")})
    assert made(source=listed)["samples"]["test"] == {"samples": 6, "sha256": "abc"}
