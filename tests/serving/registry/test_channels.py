"""A channel means one version, and goes back to what it meant before."""

import json
from pathlib import Path

import pytest

from tests.commands import run_command
from tests.serving.registry.conftest import version
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.channels import before, newer, promote, rollback
from torchferry.serving.registry.publish import publish


def test_a_channel_means_one_version_and_goes_back(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    for name in ("2.0", "3.0"):
        publish(version(bundle, tmp_path / name, name), catalogue)
    for name in ("1.0", "2.0", "3.0"):
        catalogue.move("stable", name)
    assert catalogue.resolve("stable") == "3.0"
    for expected in ("2.0", "1.0"):
        catalogue.move("stable", before(catalogue, "stable"))
        assert catalogue.resolve("stable") == expected
    with pytest.raises(UserError, match="stable has meant nothing else before"):
        before(catalogue, "stable")
    moves = [(move.before, move.version) for move in catalogue.history()]
    assert moves == [(None, "1.0"), ("1.0", "2.0"), ("2.0", "3.0"), ("3.0", "2.0"), ("2.0", "1.0")]


def test_a_move_that_was_killed_before_the_history_had_it_goes_back_by_one(
    catalogue: Catalogue, bundle: Path, tmp_path: Path
) -> None:
    for name in ("2.0", "3.0"):
        publish(version(bundle, tmp_path / name, name), catalogue)
    for name in ("1.0", "2.0", "3.0"):
        catalogue.move("stable", name)
    last = catalogue.store.names("digits/history")[-1]
    catalogue.store.files.rm(f"{catalogue.store.root}/digits/history/{last}")
    assert before(catalogue, "stable") == "2.0"
    catalogue.move("stable", "1.0")
    assert before(catalogue, "stable") == "3.0"
    catalogue.move("stable", "3.0")
    assert before(catalogue, "stable") == "2.0"


@pytest.mark.parametrize("kind", ["folder", pytest.param("bucket", marks=pytest.mark.server)])
def test_the_commands(bundle: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    def serving(*arguments: object, code: int = 0) -> str:
        done = run_command("-m", "torchferry", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    store = tmp_path / "store" if kind == "folder" else request.getfixturevalue("bucket")
    version(bundle, tmp_path / "two", "2.0")
    assert serving("publish", bundle, store, "--channel", "stable").splitlines()[1:] == ["stable: nothing -> 1.0"]
    assert "canary: nothing -> 2.0" in serving("publish", tmp_path / "two", store, "--channel", "canary")
    assert serving("promote", f"{store}/digits@canary", "stable") == "stable: 1.0 -> 2.0\n"
    assert serving("rollback", f"{store}/digits@stable") == "stable: 2.0 -> 1.0\n"
    lines = serving("history", f"{store}/digits").splitlines()
    assert [lines[0], lines[2]] == ["1.0  stable", "2.0  canary"]
    assert [line.partition("  ")[2] for line in lines[4:]] == [
        "stable: nothing -> 1.0",
        "canary: nothing -> 2.0",
        "stable: 1.0 -> 2.0",
        "stable: 2.0 -> 1.0",
    ]
    assert serving("pull", f"{store}/digits@canary", tmp_path / "pulled") == f"digits 2.0 in {tmp_path / 'pulled'}\n"
    for arguments, words in [
        (("pull", f"{store}/digits@canary", tmp_path / "pulled"), "exists already and is left as it is"),
        (("pull", f"{store}/digits@beta", tmp_path / "x"), "has no 'beta', only canary, stable, 1.0, 2.0"),
        (("pull", f"{store}/letters", tmp_path / "x"), "has no 'stable', only nothing"),
        (("publish", bundle, "nowhere://x"), "nowhere"),
        (("publish", bundle, f"{store}/new", "--channel", "a b"), "'a b' cannot be a name"),
        (("history", f"{store}/new/digits"), "has no version; publish one"),
        (("history", f"{store}/letters"), "has no version; publish one"),
    ]:
        errors = serving(*arguments, code=2)
        assert words in errors
        assert len(errors.splitlines()) == 1, errors


@pytest.fixture
def three(tmp_path: Path) -> Catalogue:
    """Versions 1.0 to 3.0, of which only the names matter."""
    catalogue = Catalogue(ObjectStore(str(tmp_path)), "digits")
    for name in ("1.0", "2.0", "3.0"):
        catalogue.add(name, b"{}")
    return catalogue


@pytest.mark.parametrize(
    ("moves", "expected"),
    [(["1.0", "2.0"], "1.0"), (["1.0", "2.0", "2.0"], "1.0"), (["1.0", "2.0", "3.0", "2.0"], "1.0")],
)
def test_before_is_where_it_has_not_gone_back_from(three: Catalogue, moves: list[str], expected: str) -> None:
    for name in moves:
        three.move("stable", name)
        three.move("canary", "3.0")
    assert before(three, "stable") == expected


@pytest.mark.parametrize("moves", [[], ["1.0"], ["1.0", "1.0"]])
def test_what_has_meant_one_version_at_most_cannot_go_back(three: Catalogue, moves: list[str]) -> None:
    three.move("canary", "3.0")
    for name in moves:
        three.move("stable", name)
    with pytest.raises(UserError, match=r"/digits: stable has meant nothing else before$"):
        before(three, "stable")


def test_promote_takes_a_version_or_what_another_channel_means(
    three: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"{three.store.url}/digits"
    for reference, channel in (("2.0", "canary"), ("1.0", "stable"), ("canary", "stable")):
        promote([f"{model}@{reference}", channel])
    said = "canary: nothing -> 2.0\nstable: nothing -> 1.0\nstable: 1.0 -> 2.0\n"
    assert (capsys.readouterr().out, three.channels()) == (said, {"canary": "2.0", "stable": "2.0"})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digits@4.0", "stable"], r"has no '4\.0', only 1\.0, 2\.0, 3\.0"),
        (["digits@1.0", "a b"], "'a b' cannot be a name"),
        (["digits@1.0"], "arguments are required: channel"),
    ],
)
def test_a_promotion_that_cannot_be_moves_nothing(three: Catalogue, arguments: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        promote([f"{three.store.url}/{arguments[0]}", *arguments[1:]])
    assert (three.channels(), three.history()) == ({}, [])


@pytest.mark.parametrize("reference", ["digits", "digits@stable"])
def test_rollback_moves_stable_unless_it_is_told_another(
    three: Catalogue, reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("1.0", "2.0"):
        for channel in ("stable", "canary"):
            three.move(channel, name)
    rollback([f"{three.store.url}/{reference}"])
    assert capsys.readouterr().out == "stable: 2.0 -> 1.0\n"
    assert three.channels() == {"canary": "2.0", "stable": "1.0"}


@pytest.mark.parametrize(
    ("moves", "version", "expected"),
    [
        ([], "1.0", None),
        (["1.0"], "1.0", None),
        (["1.0", "2.0"], "2.0", None),
        (["1.0", "2.0", "1.0"], "1.0", "2.0"),
        (["1.0", "3.0", "2.0", "1.0"], "1.0", "2.0"),
        (["1.0", "2.0", "1.0", "2.0"], "2.0", None),
        (["1.0", "2.0", "1.0", "3.0"], "3.0", None),
        (["1.0"], "3.0", "1.0"),
    ],
)
def test_newer_is_what_came_to_the_channel_later(
    three: Catalogue, moves: list[str], version: str, expected: str | None
) -> None:
    for name in moves:
        three.move("stable", name)
        three.move("canary", "3.0")
    assert newer(three, "stable", version) == expected


@pytest.mark.parametrize("moves", [["2.0"], ["2.0", "1.0"]])
def test_newer_is_what_was_exported_later(tmp_path: Path, moves: list[str]) -> None:
    """Though the channel has never had it: whoever moves channels need not have the key."""
    catalogue = Catalogue(ObjectStore(str(tmp_path)), "digits")
    for name, exported in (("1.0", "2026-01-01T00:00:00+00:00"), ("2.0", "2026-01-01T00:00:01+00:00")):
        catalogue.add(name, json.dumps({"provenance": {"exported": exported}}).encode())
    for name in moves:
        catalogue.move("stable", name)
    assert newer(catalogue, "stable", "1.0") == "2.0"
    assert newer(catalogue, "stable", "2.0") is None
