"""What is known and not served is unavailable, and says when to ask again; what nobody knows is not."""

import pytest
from prometheus_client import CollectorRegistry

from torchferry.errors import UserError
from torchferry.serving.errors import LATER, SOON
from torchferry.serving.onnx_server.models.absent import Absent
from torchferry.serving.onnx_server.telemetry.metrics import Metrics


@pytest.fixture
def absent() -> Absent:
    return Absent(Metrics(CollectorRegistry()))


def said(absent: Absent, name: str, version: str = "", *, is_empty: bool = False) -> tuple[str, int] | None:
    error = absent.why(name, version, is_empty=is_empty)
    return (str(error), error.retry_after) if error else None


def is_broken(absent: Absent) -> dict[tuple[str, ...], float]:
    return {labels: rows.values()[0] for labels, rows in absent.metrics.broken.rows.items()}


def test_what_the_server_starts_with_is_being_loaded_until_it_has_begun(absent: Absent) -> None:
    absent.begin([("tiny", "1.0")], {("lame", "2.0"): "is damaged"})
    assert said(absent, "tiny") == ("tiny is being loaded", SOON)
    assert said(absent, "tiny", "1.0", is_empty=True) == ("tiny 1.0 is being loaded", SOON)
    assert said(absent, "lame") == ("lame could not be loaded; /v2/repository/index says why", LATER)
    assert said(absent, "nobody", is_empty=True) is None  # all names are known already
    absent.begun()
    assert said(absent, "tiny") is None
    assert said(absent, "nobody", is_empty=True) == ("no model is loaded", LATER)
    assert said(absent, "nobody") is None


def test_a_failure_stays_until_it_can_be_loaded(absent: Absent) -> None:
    with absent.being_loaded(("tiny", "2.0")):
        assert said(absent, "tiny", "2.0") == ("tiny 2.0 is being loaded", SOON)
    with pytest.raises(UserError), absent.being_loaded(("tiny", "2.0")):
        raise UserError("is damaged")
    assert said(absent, "tiny", "2.0") == ("tiny 2.0 could not be loaded; /v2/repository/index says why", LATER)
    assert absent.failures == {("tiny", "2.0"): "is damaged"}
    assert is_broken(absent) == {("tiny", "2.0"): 1}
    with absent.being_loaded(("tiny", "2.0")):
        pass
    assert absent.failures == {}
    assert not absent.loading


def test_a_failure_can_be_forgotten(absent: Absent) -> None:
    absent.begin([], {("tiny", "1.0"): "is damaged", ("tiny", "2.0"): "is damaged", ("other", "1.0"): "is damaged"})
    assert absent.forget("tiny", "2.0")
    assert is_broken(absent) == {("tiny", "1.0"): 1, ("other", "1.0"): 1}
    assert not absent.forget("tiny", "2.0")
    assert absent.forget("tiny", "")
    assert [*absent.failures] == [("other", "1.0")]


def test_a_channel_is_as_unavailable_as_what_it_means(absent: Absent, capsys: pytest.CaptureFixture[str]) -> None:
    absent.begin([], {("tiny", "2.0"): "is damaged"})
    absent.leave_out("tiny", {"canary": "2.0"})
    absent.begun()
    assert said(absent, "tiny", "canary") == ("tiny canary could not be loaded; /v2/repository/index says why", LATER)
    assert said(absent, "tiny", "other") is None
    assert capsys.readouterr().err == "torchferry: tiny/canary: is left out, as 2.0 is skipped\n"


def test_a_channel_of_what_the_server_starts_with_is_being_loaded_too(absent: Absent) -> None:
    absent.begin([("tiny", "1.0")], {})
    assert said(absent, "tiny", "stable") == ("tiny stable is being loaded", SOON)


def test_of_two_loads_of_a_version_the_last_one_ends_it(absent: Absent) -> None:
    with absent.being_loaded(("tiny", "2.0")):
        with absent.being_loaded(("tiny", "2.0")):
            pass
        assert said(absent, "tiny", "2.0") == ("tiny 2.0 is being loaded", SOON)
    assert said(absent, "tiny", "2.0") is None
