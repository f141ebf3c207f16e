"""The report's section on a run: curves, scores, sample predictions and configuration."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.report.parsed import shown
from torchferry.benchmarks.report.run_section import run_section
from torchferry.benchmarks.report.source import Run

Line = dict[str, Any]


def a_run(folder: Path, **change: Any) -> Run:
    made = Run(path=folder / "digits", train=[], test=[], config="", predictions=None)
    return replace(made, **change)


def line(kind: str, step: int, **scores: float | None) -> Line:
    return {"kind": kind, "time": 1.0, "epoch": 3, "step": step, "samples": 2, "loss": 0.5, **scores}


def test_each_score_is_a_curve_in_its_own_words(tmp_path: Path) -> None:
    tests = [line("test", 1, accuracy=0.5, mae=1.5), line("test", 1200, accuracy=0.75, mae=1.25)]
    section = run_section(a_run(tmp_path, test=tests))
    page = shown(section)
    assert page.table("Test accuracy")[1:] == [["1", "50.00 %"], ["1,200", "75.00 %"]]
    assert page.table("Test mae")[1:] == [["1", "1.5"], ["1,200", "1.25"]]
    assert section.facts == [("test accuracy", "75.00 %"), ("training", "1,200 steps, 3 epochs")]
    assert section.title == "Training digits"


def test_a_score_without_a_value_is_left_out(tmp_path: Path) -> None:
    """As R² of a target that is the same in each sample."""
    section = run_section(a_run(tmp_path, test=[line("test", 1, r2=None, mae=1.5)]))
    assert [name for name, _ in section.facts] == ["test mae", "training"]
    captions = [text for _, text in shown(section).all("caption")]
    assert "Test mae" in captions
    assert "Test r2" not in captions


def test_training_and_test_share_the_picture_of_the_loss(tmp_path: Path) -> None:
    page = shown(run_section(a_run(tmp_path, train=[line("train", 5)], test=[line("test", 6)])))
    assert page.table("Loss") == [
        ["optimizer step", "training loss", "test loss"],
        ["5", "0.5", "–"],
        ["6", "–", "0.5"],
    ]


def test_a_long_curve_is_thinned_and_a_loss_that_is_no_number_is_a_dash(tmp_path: Path) -> None:
    train = [line("train", step) | {"loss": 1 / (1 + step)} for step in range(1, 2001)]
    train.append(line("train", 2001) | {"loss": float("nan")})
    page = shown(run_section(a_run(tmp_path, train=train)))
    rows = page.table("Loss (30 of 2001 points)")
    assert len(rows) == 31
    assert rows[-1] == ["2,001", "–"]
    paths = [given["d"] or "" for given, _ in page.all("path") if given["class"] == "line"]
    assert max(path.count("L") for path in paths) == 399


def test_a_run_without_lines_has_no_picture_and_no_fact(tmp_path: Path) -> None:
    section = run_section(a_run(tmp_path))
    assert section.facts == []
    assert not shown(section).all("figure")


def test_the_predictions_are_within_the_page_and_said_in_words(tmp_path: Path) -> None:
    section = run_section(a_run(tmp_path, test=[line("test", 1, accuracy=0.5)], predictions=b"\x89PNG"))
    ((picture, _),) = shown(section).all("img")
    assert picture["src"] == "data:image/png;base64,iVBORw=="
    assert (picture["alt"] or "").endswith("predicts for each (test accuracy: 50.00 %)")


def test_the_configuration_is_text_without_passwords(tmp_path: Path) -> None:
    config = "data: s3://me:s3cret@host/<bucket>"
    assert shown(run_section(a_run(tmp_path, config=config))).all("pre")[0][1] == "data: s3://…@host/<bucket>"


def test_the_confusion_matrix_is_that_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "confusion.csv").write_text("true,a,b\na,3,1\nb,0,4\n")
    page = shown(run_section(a_run(tmp_path)))
    assert page.table("Rows are the true labels")[1] == ["a", "3", "1"]
