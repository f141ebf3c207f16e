"""`torchferry evaluate` gives the numbers that training ended with, for a run and for a bundle."""

import json
import math
from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.serving.export import evaluate_command
from torchferry.serving.export.evaluate_command import main
from torchferry.training.models.saved import load_model


def said(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, object]:
    main([*map(str, words), "--json"])
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.slow
def test_a_run_and_its_bundle_are_as_at_the_end_of_training(
    run: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, card = load_model(run)
    of_run, of_bundle = said(capsys, run), said(capsys, bundle)
    assert of_run["metrics"] == pytest.approx(card.result, rel=1e-6)
    assert of_bundle["metrics"] == pytest.approx(card.result, rel=1e-3)
    assert (of_run["samples"], of_run["left_out"], of_bundle["variant"]) == (360, 0, "onnx-fp32")


@pytest.mark.slow
def test_pictures_of_its_samples_count_the_same(
    run: Path, bundle: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = {
        "root": str(samples.parent),
        "train": samples.name,
        "test": samples.name,
        "height": 8,
        "width": 8,
        "mode": "L",
    }
    source = json.dumps({"name": "image_folder", "args": args})
    of_run, of_bundle = said(capsys, run, "--source", source), said(capsys, bundle, "--source", source)
    assert of_run["samples"] == of_bundle["samples"] == 100
    assert of_bundle["metrics"] == pytest.approx(of_run["metrics"], rel=1e-3)


@pytest.mark.slow
def test_the_table_shows_samples_and_metrics(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(run)])
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if "left" not in line)
    assert rows["samples"] == "360"
    assert rows["accuracy"].endswith("%")


@pytest.mark.slow
def test_what_does_not_go_together_is_refused(run: Path, bundle: Path) -> None:
    assert refusal(lambda: main([str(run), "--variant", "torch"])) == (
        f"--variant: {run} is a run folder; variants are in a bundle"
    )
    assert "which takes no other path" in refusal(lambda: main([str(bundle), "--data", "x"]))


def test_what_is_neither_run_nor_bundle_is_refused(tmp_path: Path) -> None:
    assert "is neither a finished run folder (model/model.yaml) nor a bundle" in refusal(lambda: main([str(tmp_path)]))
    assert "--source: " in refusal(lambda: main([str(tmp_path), "--source", "{"]))


def test_a_number_that_is_none_is_null(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"name": "a", "task": "regression", "samples": 1, "left_out": (), "metrics": {"r2": math.nan, "mae": 2.0}}
    monkeypatch.setattr(evaluate_command, "_evaluated", lambda *_: given)
    assert said(capsys, "a")["metrics"] == {"r2": None, "mae": 2.0}
