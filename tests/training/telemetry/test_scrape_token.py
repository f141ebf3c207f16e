"""The token of the trainer's metrics: who is let in, and which file is none."""

from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.training.telemetry.scrape_token import ScrapeToken


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("s-prometheus\n")
    file.chmod(0o600)
    return file


def test_without_a_file_everybody_is_let_in() -> None:
    assert ScrapeToken(None).lets_in("")


def test_who_has_the_token_is_let_in(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = ScrapeToken(str(file))
    assert token.lets_in("Bearer s-prometheus")
    assert token.lets_in("bearer  s-prometheus ")
    for wrong in ("", "Bearer", "Bearer s-prometheu", "Basic s-prometheus", "Bearer s-prométheus", "s-prometheus"):
        assert not token.lets_in(wrong), wrong
    assert capsys.readouterr().err == ""


def test_a_new_token_is_taken_up_and_a_file_that_has_gone_changes_nothing(file: Path) -> None:
    token = ScrapeToken(str(file))
    file.write_text("new")
    assert token.lets_in("Bearer new")
    file.unlink()
    assert token.lets_in("Bearer new")
    assert not token.lets_in("Bearer s-prometheus")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"prometheus s-prometheus\n", "holds 2 words; give a file of the token alone"),
        (b"\n", "holds 0 words; give a file of the token alone"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_file_that_is_no_token_is_refused(file: Path, content: bytes, says: str) -> None:
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"^metrics.token_file: {file} {says}"):
        ScrapeToken(str(file))


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UserError, match=r"^metrics.token_file: .* cannot be read \(.*\); give a file that holds a token$"
    ):
        ScrapeToken(str(tmp_path / name))


def test_a_file_that_others_can_read_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.chmod(0o644)
    ScrapeToken(str(file))
    assert capsys.readouterr().err == (
        f"torchferry: metrics.token_file: {file} can be read by every user of this machine; chmod o-r it\n"
    )
