"""Version routing by name, channel or weight, and changes and rollback of channels."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.onnx_server.in_process import model_of_bundle
from tests.serving.tiny_bundle import written
from tests.serving.wire import in_loop
from torchferry.errors import UserError
from torchferry.serving.errors import UnknownModel
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.models.versions import REMEMBERED, STABLE, Channel, Versions

Loaded = Callable[[str], Model]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """A model of a version."""
    bundle = written(tmp_path)
    return lambda version: model_of_bundle(bundle, version=version)


def serving(loaded: Loaded, *versions: str) -> Versions:
    served = Versions("tiny")
    for version in versions:
        served.put(loaded(version), STABLE, 0)
    return served


@in_loop
async def test_without_a_name_the_version_that_was_put_last_answers(loaded: Loaded) -> None:
    versions = serving(loaded, "1", "2")
    assert versions.find().version == versions.find(STABLE).version == "2"
    assert versions.find("1").version == "1"
    with pytest.raises(UnknownModel, match="tiny has no version '3'; it has 1, 2"):
        versions.find("3")


@in_loop
async def test_each_channel_answers_its_share_and_stable_what_is_left(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = serving(loaded, "1", "2", "3")
    versions.direct({"a": Channel("1", 0.25), STABLE: Channel("2"), "b": Channel("3", 0.125)})
    assert versions.channels[STABLE].weight == 0.625
    places = iter([step / 64 for step in range(64)])
    monkeypatch.setattr(random, "random", lambda: next(places))
    assert Counter(versions.find().version for _ in range(64)) == {"1": 16, "2": 40, "3": 8}


@in_loop
async def test_a_version_that_is_put_again_takes_the_place_of_the_one_before(loaded: Loaded) -> None:
    versions = serving(loaded, "1", "2")
    before, new = versions.find("1"), loaded("1")
    assert versions.put(new, channel=None, weight=0) is before
    assert versions.find("1") is new
    assert versions.find().version == "2"
    assert [model.version for model in versions] == ["2", "1"]


@in_loop
async def test_the_first_version_is_stable_even_if_it_is_put_for_another_channel(loaded: Loaded) -> None:
    versions = Versions("tiny")
    assert versions.put(loaded("1"), "canary", 0.25) is None
    assert versions.channels == {STABLE: Channel("1", 0.75), "canary": Channel("1", 0.25)}


@in_loop
@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({}, "tiny: needs a channel 'stable'"),
        ({STABLE: Channel("3")}, "stable: tiny 3 is not loaded; 1, 2 can be"),
        ({STABLE: Channel("1"), "a": Channel("2", -0.1)}, "a: its weight is -0.1; give a share of the requests"),
        ({STABLE: Channel("1"), "a": Channel("2", 0.6), "b": Channel("2", 0.5)}, "add up to 1.1; give at most 1"),
    ],
)
async def test_wrong_channels_are_refused_and_change_nothing(
    loaded: Loaded, channels: dict[str, Channel], words: str
) -> None:
    versions = serving(loaded, "1", "2")
    before, earlier = versions.channels, list(versions.earlier)
    with pytest.raises(UserError, match=words):
        versions.direct(channels)
    assert (versions.channels, versions.earlier) == (before, earlier)


@in_loop
async def test_a_version_that_cannot_have_its_weight_is_not_put(loaded: Loaded) -> None:
    versions = serving(loaded, "1")
    with pytest.raises(UserError, match="its weight is 2"):
        versions.put(loaded("2"), "canary", 2)
    assert list(versions.models) == ["1"]


@in_loop
async def test_weights_of_one_in_all_leave_stable_nothing(loaded: Loaded) -> None:
    versions = serving(loaded, "1", "2")
    versions.direct({STABLE: Channel("1")} | {f"c{number}": Channel("2", 0.1) for number in range(10)})
    assert versions.channels[STABLE].weight == pytest.approx(0, abs=1e-9)
    assert versions.channels[STABLE].weight >= 0


@in_loop
async def test_rollback_goes_back_change_by_change(loaded: Loaded) -> None:
    versions = serving(loaded, "1", "2")
    versions.direct({STABLE: Channel("2")})  # is so already, and no change
    versions.direct({STABLE: Channel("1")})
    for expected in ("2", "1"):
        versions.roll_back()
        assert versions.find().version == expected
    with pytest.raises(UserError, match="were not changed, so nothing can be taken back"):
        versions.roll_back()


@in_loop
async def test_only_so_many_changes_are_remembered(loaded: Loaded) -> None:
    versions = serving(loaded, "1", "2")
    for number in range(REMEMBERED + 5):
        versions.direct({STABLE: Channel(str(1 + number % 2))})
    assert len(versions.earlier) == REMEMBERED


@in_loop
async def test_a_version_goes_with_its_channels_and_cannot_be_rolled_back_to(loaded: Loaded) -> None:
    versions = serving(loaded, "1", "2", "3")
    versions.direct({STABLE: Channel("3"), "canary": Channel("1", 0.5)})
    assert versions.remove("3").version == "3"
    assert versions.channels == {STABLE: Channel("2", 0.5), "canary": Channel("1", 0.5)}
    with pytest.raises(UserError, match="tiny 3: is not loaded any more; load it before rolling back to it"):
        versions.roll_back()
