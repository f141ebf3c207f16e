"""The limits on errors and p99 beyond which a new version is rolled back."""

import math
from argparse import Namespace

import pytest

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.torchserve.rollout_limits import FEW, Limits, add_limits, limits_of, worse
from torchferry.serving.torchserve.version_stats import VersionStats


def parsed(*arguments: str) -> Namespace:
    parser = Parser(prog="rollout")
    add_limits(parser)
    return parser.parse_args(arguments)


def stats(requests: int = 1000, failed: int = 0, p99: float = 0.0) -> VersionStats:
    """One whose slowest requests took `p99` seconds."""
    return VersionStats(requests, failed, 0, 1, {p99: requests, math.inf: requests} if p99 else {})


def limits(p99_seconds: float | None = None) -> Limits:
    return Limits(watch_seconds=1, keep=False, failed_share=0.01, p99_seconds=p99_seconds)


def test_the_command_line_gives_milliseconds_and_defaults_to_the_old_version_as_the_measure() -> None:
    assert limits_of(parsed()) == Limits(watch_seconds=60, keep=False, failed_share=0.01, p99_seconds=None)
    given = parsed("--watch-seconds=0", "--max-error-ratio=0.5", "--max-p99-ms=250", "--keep")
    assert limits_of(given) == Limits(watch_seconds=0, keep=True, failed_share=0.5, p99_seconds=0.25)


@pytest.mark.parametrize("option", ["--watch-seconds", "--max-error-ratio", "--max-p99-ms"])
def test_a_limit_below_nothing_is_refused(option: str) -> None:
    with pytest.raises(UserError, match=f"^{option}: -1 is too small; give 0 or more$"):
        limits_of(parsed(f"{option}=-1"))
    with pytest.raises(UserError, match="nan is not a finite number"):
        parsed(f"{option}=nan")


def test_a_share_may_fail_beyond_that_of_the_old_version() -> None:
    share, _ = limits().against(stats(1000, 30))
    assert share == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("measure", "slowest"),
    [
        (stats(p99=0.1), 2 * 0.099),
        (stats(p99=0.001), 0.00099 + 0.010),
        (stats(FEW - 1, p99=0.1), math.inf),
        (stats(0), math.inf),
    ],
)
def test_without_a_limit_the_old_versions_p99_is_the_measure_if_it_had_enough_requests(
    measure: VersionStats, slowest: float
) -> None:
    assert limits().against(measure)[1] == pytest.approx(slowest)
    assert limits(0.5).against(measure)[1] == 0.5


def test_what_is_beyond_a_limit_is_said_with_both_numbers() -> None:
    seen = stats(200, 4, p99=0.1)
    assert worse(seen, 0.01, 1, is_all=False) == "4 of 200 requests failed; 1.00% may"
    assert worse(seen, 0.03, 0.05, is_all=False) == "p99 was 99 ms; 50 ms are allowed"
    assert worse(seen, 0.02, 0.1, is_all=True) == ""


def test_few_requests_are_judged_at_the_end_and_then_for_failures_alone() -> None:
    few = stats(FEW - 1, FEW - 1, p99=0.1)
    assert worse(few, 0.01, 0.05, is_all=False) == ""
    assert "requests failed" in worse(few, 0.01, 0.05, is_all=True)
    assert worse(stats(FEW - 1, p99=0.1), 0.01, 0.05, is_all=True) == ""
