"""Every verb as a shell starts it, in an interpreter of its own; and a forked command is the same command."""

import importlib
import os
import sys
from pathlib import Path

import pytest

import benchmarks
import serving
from tests.commands import RECIPES, run_command, run_python


def verbs(package: str) -> list[str]:
    """Those of its __main__."""
    return list(importlib.import_module(f"{package}.__main__").VERBS)


SERVING, BENCHMARKS, TRAINING = verbs("serving"), verbs("benchmarks"), ["samples", "fetch", "render"]


@pytest.mark.parametrize(
    ("package", "verb"),
    [("training", ""), *(("training", verb) for verb in TRAINING)]
    + [pytest.param("serving", verb, marks=[pytest.mark.server] * (verb == "up")) for verb in SERVING]
    + [("benchmarks", verb) for verb in BENCHMARKS],
)
def test_a_real_command_refuses_an_unknown_option_in_one_line(package: str, verb: str) -> None:
    done = run_python("-m", package, *filter(None, [verb]), "--nonesuch", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{package}: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("training", "--config", RECIPES / "digits.yaml", "--epochs", "x"),
        ("training", "--config", RECIPES / "digits.yaml", "--print_config"),
        ("serving", "--help"),
        ("serving", "history", "file:///nowhere/digits"),
    ],
)
def test_a_forked_command_ends_as_a_real_one(words: tuple[object, ...]) -> None:
    forked, real = run_command("-m", *words), run_python("-m", *words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


def test_a_forked_command_is_a_process_of_its_own(tmp_path: Path) -> None:
    """What it changes of itself, the next one does not see."""
    (tmp_path / "settings.toml").write_text("[up]\nnonesuch = 1\n")
    before = dict(os.environ), Path.cwd(), list(sys.argv)
    for _ in range(2):
        done = run_command("-m", "training", "--config", RECIPES / "digits.yaml", TORCHFERRY_EPOCHS="none")
        assert done.returncode == 2
        assert "epochs" in done.stderr
    assert (dict(os.environ), Path.cwd(), list(sys.argv)) == before
    assert run_command("-m", "training", "--config", RECIPES / "digits.yaml", "--print_config").returncode == 0


def test_packages_are_those_of_this_checkout() -> None:
    for package in (serving, benchmarks):
        assert Path(str(package.__file__)).parents[1] == Path(__file__).parents[1]
