"""Token authentication and rate limits from a token file that is reloaded when it changes."""

import math
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.errors import NotAllowed, Overloaded
from torchferry.serving.net.auth import Access


def access(folder: Path, text: str) -> Access:
    (folder / "tokens").write_text(text)
    return Access(folder / "tokens")


def put(path: Path, text: str) -> None:
    """As an editor saves it: another file under the same name."""
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


def test_without_a_file_everybody_may_ask() -> None:
    everybody = Access(None)
    everybody.refresh()
    everybody.check("")


@pytest.mark.parametrize("header", ["Bearer s-ann", "bearer s-ann", "BEARER   s-ann ", "Bearer s-bob", "Bearer gehéim"])
def test_every_token_of_the_file_is_let_in(tmp_path: Path, header: str) -> None:
    access(tmp_path, "# who, token\n\nann s-ann\n  bob\ts-bob 5\ncid gehéim\n").check(header)


@pytest.mark.parametrize("header", ["", "s-ann", "Bearer", "Bearer s-an", "Bearer s-anna", "Basic s-ann", "Bearer é"])
def test_any_other_header_is_told_what_to_send(tmp_path: Path, header: str) -> None:
    with pytest.raises(NotAllowed, match="send Authorization: Bearer TOKEN"):
        access(tmp_path, "ann s-ann\n").check(header)


def test_a_comment_lets_nobody_in(tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        access(tmp_path, "# ann s-ann\n#ann s-ann\n").check("Bearer s-ann")


@pytest.mark.parametrize(("rate", "burst", "seconds"), [(3, 3, 1), (0.01, 1, 100), (0.3, 1, 4)])
def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path, rate: float, burst: int, seconds: int) -> None:
    limited = access(tmp_path, f"ann s-ann {rate}\nbob s-bob\n")
    for _ in range(burst):
        limited.check("Bearer s-ann")
    limited.tokens[0].refilled += 1  # so that a slow machine refills nothing
    with pytest.raises(Overloaded, match=f"the token 'ann' may ask {rate} times a second") as refused:
        limited.check("Bearer s-ann")
    assert refused.value.retry_after == seconds
    limited.check("Bearer s-bob")


def test_a_second_brings_a_seconds_worth_and_a_year_no_more(tmp_path: Path) -> None:
    limited = access(tmp_path, "ann s-ann 5\n")
    (token,) = limited.tokens
    for passed, worth in ((0.4, 2), (1, 5), (3e7, 5)):
        token.left = 0.0
        token.refilled -= passed
        token.spend()
        assert token.left == pytest.approx(worth - 1, abs=0.5)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ann", "a line is not NAME TOKEN"),
        ("ann s-ann often", "a line is not NAME TOKEN"),
        ("ann s-ann 1 second", "a line is not NAME TOKEN"),
        ("ann s-ann 1 2", "a line is not NAME TOKEN"),
        ("ann s-ann 1 2 9e12", "a line is not NAME TOKEN"),
        ("ann s-ann admin 1", "a line is not NAME TOKEN"),
        ("ann s-ann Admin", "a line is not NAME TOKEN"),
        ("ann s-ann 0", "'ann' has the rate 0; give a number above 0"),
        ("ann s-ann -2", "'ann' has the rate -2; give a number above 0"),
        ("ann s-ann nan", "'ann' has the rate nan; give a number above 0"),
    ],
)
def test_a_wrong_line_is_named_but_no_secret(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^--tokens: .*tokens: {words}") as refused:
        access(tmp_path, f"bob s-bob\n{line}\n")
    assert "s-ann" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("ann gehéim\n".encode("latin-1"))
    for path in (tmp_path / "missing", tmp_path, tmp_path / "latin"):
        with pytest.raises(UserError, match=f"^--tokens: {path}: cannot be read"):
            Access(path)


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    changing = access(tmp_path, "ann s-ann\n")
    put(tmp_path / "tokens", "bob s-bob\n")
    changing.refresh()
    changing.check("Bearer s-bob")
    with pytest.raises(NotAllowed):
        changing.check("Bearer s-ann")
    put(tmp_path / "tokens", "cid s-cid\nonly-a-name\n")
    with pytest.raises(UserError):
        changing.refresh()
    changing.check("Bearer s-bob")


def test_a_file_that_has_not_changed_gives_nobody_a_new_allowance(tmp_path: Path) -> None:
    limited = access(tmp_path, "ann s-ann 0.01\n")
    limited.check("Bearer s-ann")
    limited.refresh()
    with pytest.raises(Overloaded):
        limited.check("Bearer s-ann")


def test_a_line_that_ends_with_the_role_is_an_admins(tmp_path: Path) -> None:
    tokens = access(tmp_path, "ann s-ann\nbob s-bob admin\ncid s-cid 5 admin\nadmin s-dan 5\n").tokens
    assert [(token.name, token.is_admin) for token in tokens] == [
        ("ann", False),
        ("bob", True),
        ("cid", True),
        ("admin", False),
    ]
    assert [token.rate for token in tokens[1:3]] == [math.inf, 5]


def test_it_says_whose_request_it_is(tmp_path: Path) -> None:
    token = access(tmp_path, "ann s-ann\n").check("Bearer s-ann")
    assert token
    assert token.name == "ann"


def test_a_file_that_every_user_can_read_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tokens").write_text("ann s-ann\n")
    for mode, warned in ((0o600, False), (0o640, False), (0o644, True), (0o604, True)):
        (tmp_path / "tokens").chmod(mode)
        Access(tmp_path / "tokens", "--metrics-tokens").warn()
        said = capsys.readouterr().err
        assert said.startswith("torchferry: --metrics-tokens: ") == warned, oct(mode)
        assert "s-ann" not in said
    Access(None).warn()
    assert capsys.readouterr().err == ""


def test_the_option_is_the_one_that_was_given(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--metrics-tokens: .*missing: cannot be read"):
        Access(tmp_path / "missing", "--metrics-tokens")
