import pytest

from tests.training.data.sources import refusal
from torchferry.training.discovery.components import KINDS
from torchferry.training.discovery.describe_command import main


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    main(words)
    return capsys.readouterr().out


def test_a_component_is_shown_with_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, "rotation").splitlines()
    assert said[0] == "rotation: augmentation, for data.augment.name"
    assert said[3:] == ["  degrees: a number (required)", "      The most either way, above 0 and up to 180."]


def test_without_a_name_everything_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    words = {line.split()[0] for line in shown(capsys).splitlines() if line.startswith("  ")}
    assert {name for kind in KINDS for name in kind} <= words
    assert {"epochs", "step.clip_norm", "weights.skip"} <= words


def test_everything_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, "--all")
    assert "\nAdamW: optimizer, for optimizer.name\n" in said
    assert "\ncheckpoint: a section of the recipe\n" in said
    assert max(map(len, said.splitlines())) < 160


def test_options_that_do_not_go_together_are_refused() -> None:
    assert refusal(lambda: main(["digits", "--all"])) == "--all: describes everything; leave NAME out"
    assert refusal(lambda: main(["--markdown"])) == "--markdown: goes with --all"
