"""A flat recipe has every key; one of before has what was done then."""

import json
from typing import Any

import pytest

from tests.training import tiny
from torchferry.training.checkpointing.flat_recipe import completed, flat, recorded
from torchferry.training.config.instantiate import Component

FOLDER = {"root": "pics", "height": 16, "width": 16}
LIST = {"train": {"name": "torchvision.datasets.Kitti"}, "image": {"height": 16, "width": 16}}


def saved(name: str, args: dict[str, Any]) -> dict[str, Any]:
    recipe = recorded(tiny.recipe(data={"source": Component(name=name, args=args)}))
    return dict(json.loads(json.dumps(dict(flat(recipe)), default=str)))


def without(recipe: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {
        key: value for key, value in recipe.items() if not key.startswith(tuple(f"data.source.args.{k}" for k in keys))
    }


def test_keys_are_dotted() -> None:
    keys = dict(flat(tiny.recipe()))
    assert keys["data.source.name"] == "tests.training.tiny.corners"
    assert keys["runs_dir"] == "unused"


def test_of_a_whole_one_nothing_is_changed() -> None:
    whole = saved("image_folder", FOLDER | {"exif": "apply", "resize": "crop", "fraction": 0.875})
    assert completed(whole) == whole


@pytest.mark.parametrize(
    ("name", "args", "missing", "then"),
    [
        ("digits", {}, ["resize", "interpolation"], {"resize": "squash", "interpolation": "bilinear"}),
        (
            "image_folder",
            FOLDER,
            ["fraction", "antialias", "jpeg"],
            {"fraction": 1.0, "antialias": True, "jpeg": "full"},
        ),
        ("image_folder", FOLDER, ["exif"], {"exif": "ignore"}),
        ("dataset", LIST, ["image.resize", "image.exif"], {"image.resize": "squash", "image.exif": "ignore"}),
        ("table", {"path": "t.csv", "target": "y", "columns_as": {"a.b": "text"}}, ["split"], {"split": "shuffle"}),
        ("tests.training.tiny.corners", {"n": 3}, [], {}),
    ],
)
def test_what_is_missing_is_as_it_was_done_then(
    name: str, args: dict[str, Any], missing: list[str], then: dict[str, Any]
) -> None:
    whole = saved(name, args)
    assert completed(without(whole, *missing)) == whole | {
        f"data.source.args.{key}": each for key, each in then.items()
    }


@pytest.mark.parametrize("told", [{"task": "regression"}, {"targets": "values"}])
def test_it_is_no_difference_whether_a_source_was_told_what_the_task_decides(told: dict[str, Any]) -> None:
    args = {"path": "t.csv", "target": "y"}
    whole = saved("table", args)
    assert saved("table", args | told) == whole
    assert completed(whole | {f"data.source.args.{key}": value for key, value in told.items()}) == whole


def test_what_other_keys_did_before_there_were_such_is_their_default() -> None:
    whole = saved("digits", {})
    assert completed({key: value for key, value in whole.items() if key != "data.sampling"}) == whole
