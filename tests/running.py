"""The test that runs now, and the check that it has the marker of what it starts."""

import pytest

running: list[pytest.Item] = []
"""The last is the one; none while tests are collected or torn down."""


def starts(marker: str, command: object) -> None:
    """Fail the test that runs, if any, unless it has the marker of what starts."""
    if running and not running[-1].get_closest_marker(marker):
        raise AssertionError(f"{running[-1].nodeid} starts {command}, but has no marker {marker}")
