"""A bundle without a server: the same answers as a server's codec gives, and errors for those samples alone."""

from pathlib import Path

import numpy as np
import pytest

from tests.serving import tiny_bundle, tiny_tasks
from tests.serving.predict.samples import instance, row
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.errors import BundleError
from torchferry.serving.predict import local
from torchferry.serving.predict.answers import FILE, Unanswered
from torchferry.serving.predict.local import AskedBundle
from torchferry.serving.predict.question import body
from torchferry.serving.predict.sample import Sample


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Its answers are its rows of two numbers."""
    return tiny_bundle.written(tmp_path)


def labels(results: list[local.Result]) -> list[object]:
    return [
        result if isinstance(result, Unanswered) else (result["label"], result["probability"]) for result in results
    ]


def test_rows_are_answered_as_a_server_does(bundle: Bundle) -> None:
    asked = AskedBundle(bundle, top_k=1)
    assert asked.ask([row(1, "0.25,0.75"), row(2, "1,0")]) == [
        {"label": "yes", "probability": 0.75, "top_k": [{"label": "yes", "probability": 0.75}]},
        {"label": "no", "probability": 1.0, "top_k": [{"label": "no", "probability": 1.0}]},
    ]


def test_only_what_is_wrong_has_no_answer(bundle: Bundle) -> None:
    results = labels(AskedBundle(bundle).ask([row(1, "0.25,0.75"), row(2, "x,1"), row(3, "1,0"), row(4, "1,2,3")]))
    assert (results[0], results[2]) == (("yes", 0.75), ("no", 1.0))
    assert isinstance(results[1], Unanswered)
    assert "could not convert string to float: 'x'" in results[1].why
    assert results[3] == Unanswered("'row' has shape [1, 3]; the model takes [-1, 2], -1 being the batch")


def test_instances_requests_and_what_is_no_json(bundle: Bundle) -> None:
    asked = AskedBundle(bundle)
    assert labels(asked.ask([instance(1, "[0.25, 0.75]"), instance(2, "[1, 0]")])) == [("yes", 0.75), ("no", 1.0)]
    request = b'{"inputs": [{"name": "row", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}]}'
    assert asked.ask([Sample("a", 1, "request", request), Sample("a", 2, "wrong", b"is not JSON")]) == [
        {"outputs": {"probabilities": [[1, 2], [3, 4]]}},
        Unanswered("is not JSON"),
    ]


def test_a_file_that_is_gone_has_its_error(bundle: Bundle) -> None:
    assert AskedBundle(bundle).ask([Sample("gone.png", None, "file")]) == [
        Unanswered("cannot be read (No such file or directory)")
    ]


def test_batches_are_as_large_as_a_servers(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, sizes = AskedBundle(bundle), list[int]()
    run = asked.session.run

    def counted(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        sizes.append(len(inputs["row"]))
        return run(inputs)

    monkeypatch.setattr(asked.session, "run", counted)
    asked.max_batch = 3
    results = labels(asked.ask([row(number, f"{number},0") for number in range(1, 8)]))
    assert sizes == [3, 3, 1]
    assert results == [("no", float(number)) for number in range(1, 8)]


def test_what_the_model_cannot_compute_costs_one_sample_its_answer(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = AskedBundle(bundle)
    run = asked.session.run

    def fails_at_nine(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if (inputs["row"] == 9).any():
            raise ValueError("nine")
        return run(inputs)

    monkeypatch.setattr(asked.session, "run", fails_at_nine)
    results = labels(asked.ask([row(1, "1,0"), row(2, "9,0"), row(3, "3,0")]))
    failed = Unanswered("the model cannot compute it (ValueError: nine)", fault=True)
    assert results == [("no", 1.0), failed, ("no", 3.0)]


def test_large_outputs_are_computed_a_few_at_a_time(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = AskedBundle(bundle)
    assert asked.together(row(1)) == local.ROWS_TOGETHER
    assert asked.together(Sample("a.png", None, "file")) == local.FILES_TOGETHER
    monkeypatch.setattr(local, "MOST_NUMBERS", 6)
    assert asked.together(row(1)) == 3


def test_golden_outputs_are_checked_first(tmp_path: Path) -> None:
    bundle = tiny_bundle.written(tmp_path)
    (bundle.root / "golden" / "outputs.npz").unlink()
    np.savez(bundle.root / "golden" / "outputs.npz", probabilities=tiny_bundle.GOLDEN + 1)
    files = bundle.files | {"golden/outputs.npz": local.sha256(bundle.root / "golden" / "outputs.npz")}
    bundle.files.update(files)
    with pytest.raises(BundleError, match="its answer to the golden input differs by 1 "):
        AskedBundle(bundle)


def test_a_variant_that_is_not_there_is_refused(bundle: Bundle) -> None:
    with pytest.raises(UserError, match="has no accepted variant 'onnx-int8', only onnx-fp32"):
        AskedBundle(bundle, "onnx-int8")


def test_what_it_is_about_changes_with_the_bundle(tmp_path: Path) -> None:
    one, other = (
        AskedBundle(tiny_bundle.written(tmp_path / name, factor=factor)).about
        for name, factor in (("a", 1.0), ("b", 2.0))
    )
    assert one["model"] == other["model"] == "tiny 1.0 (onnx-fp32)"
    assert one["model.json"] != other["model.json"]


def test_answers_may_be_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tiny_tasks.written(tmp_path, "segmentation")
    asked = AskedBundle(bundle, form="png")
    pixels = [instance(place, str(each.tolist())) for place, each in enumerate(tiny_tasks.PIXELS)]
    masks = bundle.golden()[1]["classes"]
    files = [bundle.task.file("png", {"classes": mask}, None) for mask in masks]
    assert asked.ask(pixels) == [{FILE: file} for file in files]
    two = Sample("a", 1, "request", body([pixels[0], pixels[1]]))
    assert asked.ask([two]) == [Unanswered("asks about 2 samples; give each of them a line of its own")]
    monkeypatch.setattr(type(bundle.task), "file", lambda *_: 1 / 0)
    [answer] = asked.ask(pixels[:1])
    assert answer == Unanswered("no png can be made of its answer (ZeroDivisionError: division by zero)", fault=True)
