"""What a model is judged on is given once, by files or by a source."""

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.serving.export.tiny_reference import half
from torchferry.errors import UserError
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.given_data import given_data
from torchferry.serving.export.external.input_spec import GivenInput, read_input
from torchferry.serving.export.external.labels import Labels


def options(*said: object) -> argparse.Namespace:
    return parser().parse_args(["--model", "any.Net", *map(str, said)])


def inputs(words: str = "image:L:8", **picture: object) -> list[GivenInput]:
    return [read_input(words, 0, {"normalize": "none", **picture})]


def test_a_sources_test_set_judges_and_its_training_set_calibrates() -> None:
    found = given_data(options("--source", "digits"), inputs(), Labels(), half("classification"))
    assert (found.option, found.labels[:3], found.test_in_full) == ("--source", ("0", "1", "2"), None)
    assert (found.test.count, found.calibration.count) == (360, 1437)
    assert given_data(options("--source", "digits"), inputs(), Labels(), half("embedding")).labels == ()


def test_files_judge_and_calibrate_unless_others_do(tmp_path: Path) -> None:
    for count in (3, 4):
        np.savez(tmp_path / f"{count}.npz", row=np.zeros((count, 2), np.float32))
    one, other = (("--eval-data", tmp_path / "3.npz"), ("--calibration-data", tmp_path / "4.npz"))
    found = given_data(options(*one), inputs("table:2"), Labels(), half("tensors"))
    assert (found.test.count, found.calibration is found.test, found.labels) == (3, True, ())
    assert given_data(options(*one, *other), inputs("table:2"), Labels(), half("tensors")).calibration.count == 4


def test_pictures_of_a_source_are_decoded_in_full_too_where_they_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / name / "1.png")
    (tmp_path / "a" / "x.txt").write_text("no picture")
    text = f"{{name: image_folder, args: {{root: {tmp_path}, test_fraction: 0}}}}"
    found = given_data(options("--source", text), inputs(jpeg="scaled"), Labels(), half("classification"))
    assert found.test_in_full is not None
    kinds = [samples.data.image.jpeg for samples in (found.test, found.test_in_full)]  # type: ignore[attr-defined]
    assert kinds == ["scaled", "full"]
    assert capsys.readouterr().out.count("a/x.txt") == 1


def test_both_and_targets_of_nothing_known_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--eval-data, --source: give one of them"):
        given_data(options("--source", "digits", "--eval-data", tmp_path), inputs(), Labels(), half("classification"))
    with pytest.raises(UserError, match=r"^--source: has targets; say with --task what the outputs mean"):
        given_data(options("--source", "digits"), inputs(), Labels(), half("tensors"))
