"""The reason that a handler leaves is found by the names that handlers of now and of before give it."""

from pathlib import Path

import pytest

from torchferry.serving.torchserve.load_failure import LoadFailure


@pytest.mark.parametrize(("file", "found"), [("m@1.0", "why"), ("m", "why"), ("m@2.0", ""), ("other", "")])
def test_the_reason_stands_under_both_names_until_it_is_forgotten(tmp_path: Path, file: str, found: str) -> None:
    (tmp_path / file).write_text("why")
    failure = LoadFailure(tmp_path, "m", "1.0")
    assert failure.reason() == found
    failure.forget()
    assert failure.reason() == ""
    assert (tmp_path / file).exists() == (not found)


def test_of_several_versions_the_name_alone_says_not_which(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("why")
    assert LoadFailure(tmp_path, "m", "1.0", is_only=False).reason() == ""
    (tmp_path / "m@1.0").write_text("why")
    assert LoadFailure(tmp_path, "m", "1.0", is_only=False).reason() == "why"
