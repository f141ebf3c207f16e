"""A server is ready while the default version of every model has a worker and gives its golden outputs."""

import time

import pytest

from torchferry.errors import ServerFault, UserError
from torchferry.serving.client import RestClient
from torchferry.serving.errors import BundleError
from torchferry.serving.torchserve.golden import Golden, Goldens
from torchferry.serving.torchserve.management import Management, Standing
from torchferry.serving.torchserve.readiness import FRESH_SECONDS, Readiness


class Said(Management):
    """What is registered."""

    def __init__(self, **standing: list[Standing]) -> None:
        self.said: dict[str, list[Standing]] = standing
        self.asked = 0
        self.error: Exception | None = None

    def models(self, _seconds: float | None = None) -> list[str]:
        self.asked += 1
        if self.error:
            raise self.error
        return list(self.said)

    def standing(self, model: str) -> list[Standing]:
        return self.said[model]


class Checked(Golden):
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def check_again(self, client: RestClient) -> None:
        assert client.headers["x-torchferry-golden"] == "1"
        if self.error:
            raise self.error


class Given(Goldens):
    """Every version gives its golden outputs, unless there is an error."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.checked: list[str] = []

    def of(self, model: str, version: str) -> Golden:
        self.checked.append(f"{model}@{version}")
        return Checked(self.error)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def version(name: str = "1.0", default: bool = True, ready: int = 1, queued: int = 0) -> Standing:
    return Standing(name, default, 1, ready, queued)


def readiness(management: Management, goldens: Goldens, *started_with: str) -> Readiness:
    return Readiness("http://127.0.0.1:9", management, goldens, started_with)


def test_the_default_version_of_every_model_is_checked() -> None:
    goldens = Given()
    said = Said(cats=[version("1.0", default=False), version("2.0")], dogs=[version()])
    assert readiness(said, goldens)() == ""
    assert goldens.checked == ["cats@2.0", "dogs@1.0"]


@pytest.mark.parametrize("error", [BundleError("it differs"), UserError("no answer"), ServerFault("it is gone")])
def test_what_the_golden_check_refuses_is_the_reason(error: Exception) -> None:
    goldens = Given()
    goldens.error = error
    assert readiness(Said(cats=[version()]), goldens)() == str(error)


def test_a_server_that_does_not_answer_is_not_ready() -> None:
    said = Said()
    said.error = UserError("nobody there")
    assert readiness(said, Given())() == "nobody there"


def test_a_model_without_a_worker_counts_only_if_it_was_ready_before(clock: Clock) -> None:
    said, goldens = Said(old=[version(ready=0)], new=[version(ready=0)]), Given()
    ready = readiness(said, goldens, "old")
    assert ready() == "old has no worker that is ready"
    said.said = {"new": [version(ready=0)]}
    clock.now += FRESH_SECONDS + 1
    assert (ready(), goldens.checked) == ("", [])
    said.said = {"new": [version()]}
    clock.now += FRESH_SECONDS + 1
    assert ready() == ""
    said.said = {"new": []}
    clock.now += FRESH_SECONDS + 1
    assert ready() == "new has no worker that is ready"


def test_a_model_that_was_removed_is_a_new_one_when_it_comes_back(clock: Clock) -> None:
    said = Said()
    ready = readiness(said, Given(), "cats")
    assert ready() == "no model is left"
    said.said = {"cats": [version(ready=0)]}
    clock.now += FRESH_SECONDS + 1
    assert ready() == ""


def test_a_model_that_answers_others_is_not_asked() -> None:
    goldens = Given()
    assert readiness(Said(cats=[version(queued=3)]), goldens)() == ""
    assert goldens.checked == []


def test_it_asks_again_only_when_what_it_knows_is_old(clock: Clock) -> None:
    said = Said(cats=[version()])
    ready = readiness(said, Given())
    for _ in range(3):
        assert ready() == ""
        clock.now += FRESH_SECONDS / 3
    assert said.asked == 1
    clock.now += FRESH_SECONDS
    said.error = UserError("nobody there")
    assert (ready(), said.asked) == ("nobody there", 2)


def test_a_server_that_is_about_to_stop_says_so_and_asks_nobody() -> None:
    said = Said()
    ready = readiness(said, Given())
    ready.draining = True
    assert (ready(), said.asked) == ("the server is about to stop", 0)
