"""The steps that were asked for are traced, and no others."""

import json
from pathlib import Path

import pytest
from torch.profiler import record_function

from torchferry.training.config.recipe import ProfileConfig
from torchferry.training.telemetry.profiler import Profile


def traced(run_dir: Path, config: ProfileConfig, *, stands: int = 0, last: int = 5) -> set[str]:
    """Of steps `stands` + 1 to `last`, those in the trace, which is there after the last."""
    profile = Profile(config, run_dir, 3, stands)
    for step in range(stands + 1, last + 1):
        with record_function(f"step {step}"):
            pass
        profile.stepped(step)
    profile.close()
    file = run_dir / "trace-3.json"
    if not file.exists():
        return set()
    found = {event.get("name", "") for event in json.loads(file.read_text())["traceEvents"]}
    return {name for name in found if name.startswith("step ")}


@pytest.mark.parametrize(
    ("config", "stands", "steps"),
    [
        pytest.param(ProfileConfig(first_step=2, steps=2), 0, {"step 2", "step 3"}, id="in the middle"),
        pytest.param(ProfileConfig(first_step=1, steps=1), 0, {"step 1"}, id="from the first on"),
        pytest.param(ProfileConfig(first_step=5, steps=9), 0, {"step 5"}, id="longer than the run"),
        pytest.param(ProfileConfig(first_step=2, steps=3), 2, {"step 3", "step 4"}, id="a run that goes on inside"),
        pytest.param(ProfileConfig(first_step=2, steps=1), 3, set(), id="a run that goes on later"),
        pytest.param(ProfileConfig(first_step=1, steps=0), 0, set(), id="none"),
    ],
)
def test_a_trace_holds_the_steps_that_were_asked_for(
    config: ProfileConfig, stands: int, steps: set[str], tmp_path: Path
) -> None:
    assert traced(tmp_path, config, stands=stands) == steps


def test_the_trace_is_there_as_soon_as_its_last_step_is_over(tmp_path: Path) -> None:
    profile = Profile(ProfileConfig(first_step=1, steps=1), tmp_path, 0, 0)
    profile.stepped(1)
    assert json.loads((tmp_path / "trace-0.json").read_text())["traceEvents"]
    (tmp_path / "trace-0.json").unlink()
    profile.close()
    assert not list(tmp_path.iterdir())
