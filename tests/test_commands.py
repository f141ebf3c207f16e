"""Every verb as a shell starts it, in an interpreter of its own; and a forked command is the same command."""

import os
import sys
from pathlib import Path

import pytest

import torchferry.benchmarks
import torchferry.serving
from tests.commands import RECIPES, ROOT, run_command, run_python
from torchferry.verbs import BENCH, VERBS


@pytest.mark.parametrize(
    "verb",
    [pytest.param(verb, marks=[pytest.mark.server] * (verb == "up")) for verb in VERBS]
    + [f"bench {verb}" for verb in BENCH],
)
def test_a_real_command_refuses_an_unknown_option_in_one_line(verb: str) -> None:
    done = run_python("-m", "torchferry", *verb.split(), "--nonesuch", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("torchferry: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("former", "words"),
    [
        (["training", "--config", "missing.yaml"], ["train", "--config", "missing.yaml"]),
        (["training", "samples", "missing"], ["samples", "missing"]),
        (["serving", "history", "file:///nowhere/digits"], ["history", "file:///nowhere/digits"]),
        (["benchmarks", "slo", "--help"], ["bench", "slo", "--help"]),
        (["benchmarks", "report", "missing"], ["report", "missing"]),
    ],
)
def test_the_folders_of_a_checkout_only_forward(former: list[str], words: list[str]) -> None:
    forwarded, real = run_python("-m", *former), run_python("-m", "torchferry", *words)
    assert (forwarded.returncode, forwarded.stdout, forwarded.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("torchferry.training", "--config", RECIPES / "digits.yaml", "--epochs", "x"),
        ("torchferry.training", "--config", RECIPES / "digits.yaml", "--print_config"),
        ("torchferry", "--help"),
        ("torchferry", "history", "file:///nowhere/digits"),
    ],
)
def test_a_forked_command_ends_as_a_real_one(words: tuple[object, ...]) -> None:
    forked, real = run_command("-m", *words), run_python("-m", *words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


def test_a_forked_command_is_a_process_of_its_own() -> None:
    """What it changes of itself, the next one does not see."""
    before = dict(os.environ), Path.cwd(), list(sys.argv)
    train = ("-m", "torchferry", "train", "--config", RECIPES / "digits.yaml")
    for _ in range(2):
        done = run_command(*train, TORCHFERRY_EPOCHS="none")
        assert done.returncode == 2
        assert "epochs" in done.stderr
    assert (dict(os.environ), Path.cwd(), list(sys.argv)) == before
    assert run_command(*train, "--print_config").returncode == 0


def test_packages_are_those_of_this_checkout() -> None:
    for package in (torchferry, torchferry.serving, torchferry.benchmarks):
        assert ROOT in Path(str(package.__file__)).parents
