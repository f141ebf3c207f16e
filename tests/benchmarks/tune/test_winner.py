"""The settings file of the point that won."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.tune.landscape import POINT
from torchferry.benchmarks.tune.winner import check_settings, settings_text, write_settings
from torchferry.errors import UserError

BUNDLE, ABOUT = Path("runs/digits/bundle"), ["p99 <= 50 ms up to 900 requests/s"]


def test_the_settings_are_toml_with_the_command_that_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "tuned.toml"
    write_settings(path, "onnx", settings_text("onnx", POINT, "nginx"), BUNDLE, ABOUT)
    up = {"variant": "onnx-fp32", "sessions": 2, "threads": 1, "max_batch": 8, "max_delay_ms": 2}
    assert tomllib.loads(path.read_text()) == {"up": up}
    assert f"\n#     torchferry up --runtime onnx runs/digits/bundle --settings {path}\n" in path.read_text()
    assert "\n# p99 <= 50 ms up to 900 requests/s\n" in path.read_text()


def test_torchserve_has_settings_for_its_archive_and_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "a folder.toml"
    write_settings(path, "torchserve", settings_text("torchserve", POINT, "none"), BUNDLE, ABOUT)
    assert tomllib.loads(path.read_text()) == {
        "archive": {"variants": "onnx-fp32", "workers": 2, "batch_size": 8, "batch_delay_ms": 2},
        "up": {"threads": 1, "gateway": "none"},
    }
    assert f"\n#     torchferry archive runs/digits/bundle --settings '{path}' -o STORE\n" in path.read_text()


def test_a_batch_of_one_has_no_delay_in_an_archive() -> None:
    archive = tomllib.loads(settings_text("torchserve", replace(POINT, batch=1), "nginx"))["archive"]
    assert archive == {"variants": "onnx-fp32", "workers": 2, "batch_size": 1}


def test_what_was_written_here_may_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "tuned.toml"
    check_settings(path)
    write_settings(path, "onnx", settings_text("onnx", POINT, "nginx"), BUNDLE, ABOUT)
    check_settings(path)


def test_the_place_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tuned.toml").write_text("[up]\n")
    for place, words in (
        ("tuned.toml", r"tuned\.toml exists and was not written by this; give another name"),
        ("", r"exists and was not written by this; give another name"),
        ("gone/tuned.toml", r"gone is not a folder; make it first"),
    ):
        with pytest.raises(UserError, match=rf"--settings-output: .*{words}"):
            check_settings(tmp_path / place)
