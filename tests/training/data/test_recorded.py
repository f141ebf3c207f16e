"""Records of sources say every argument; those of earlier versions mean what was done then."""

import pytest

from torchferry.training.config.instantiate import Component
from torchferry.training.data import SOURCES, recorded
from torchferry.training.data.recorded import as_begun, as_recorded, with_defaults


def test_what_a_recipe_leaves_out_is_the_default() -> None:
    found = with_defaults(Component(name="digits", args={"size": 28}))
    assert found.args == {
        "test_fraction": 0.2,
        "split_seed": 0,
        "size": 28,
        "normalize": None,
        "mean": None,
        "std": None,
        "resize": "squash",
        "interpolation": "bilinear",
    }


@pytest.mark.parametrize(
    "source",
    [Component(name="of.the.user", args={"x": 1}), Component(name="digits", args={"sise": 28})],
)
def test_what_is_not_ours_or_not_known_stays_as_it_is(source: Component) -> None:
    assert with_defaults(source) == as_recorded(source) == source


def test_what_a_record_leaves_out_was_the_only_way_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recorded.FORMER, "digits", {"split_seed": 7, "size": 16})
    found = as_recorded(Component(name="digits", args={"size": 28}))
    assert (found.args["split_seed"], found.args["size"], found.args["test_fraction"]) == (7, 28, 0.2)


def test_each_former_way_can_still_be_asked_for() -> None:
    for name, former in recorded.FORMER.items():
        assert name in SOURCES
        found = as_recorded(Component(name=name)).args
        assert all(found[key] == value for key, value in former.items() if not isinstance(value, dict))


def test_an_image_within_is_a_record_too() -> None:
    image = {"height": 8, "width": 8}
    source = Component(name="dataset", args={"train": {}, "test": {}, "labels": 2, "image": image})
    assert with_defaults(source).args["image"]["exif"] == "apply"
    assert as_recorded(source).args["image"]["exif"] == "ignore"
    assert as_recorded(with_defaults(source)) == with_defaults(source)


@pytest.mark.parametrize(("record", "split"), [({}, "shuffle"), ({"split": "hash"}, None)])
def test_a_run_goes_on_as_it_began(record: dict[str, str], split: str | None) -> None:
    now = Component(name="table", args={"path": "t.csv"})
    assert as_begun(now, Component(name="table", args=record)).args.get("split") == split
    assert as_begun(now, Component(name="digits", args=record)) == now
    said = Component(name="table", args={"path": "t.csv", "split": "hash"})
    assert as_begun(said, Component(name="table", args=record)).args["split"] == "hash"
