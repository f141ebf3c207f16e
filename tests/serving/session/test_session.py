"""Only an accepted variant whose file is the one that was exported is opened, and it has to give the golden outputs."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.serving.tiny_bundle import FILE, described, variant
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import BundleError
from torchferry.serving.session import check_golden, check_golden_together, open_session, open_variant
from torchferry.serving.session.capped_session import CappedSession


class Gives:
    """Whatever it is asked."""

    def __init__(self, **outputs: list[float]) -> None:
        self.outputs = {name: np.array([values], np.float32) for name, values in outputs.items()}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert list(inputs) == ["row"]
        return self.outputs


@pytest.fixture
def golden(tmp_path: Path) -> Bundle:
    """With golden outputs 0.25 and 0.75 and a refused variant beside the accepted one."""
    (tmp_path / "golden").mkdir()
    np.savez(tmp_path / "golden" / "inputs.npz", row=np.zeros((1, 3), np.float32))
    np.savez(tmp_path / "golden" / "outputs.npz", probabilities=np.array([[0.25, 0.75]], np.float32))
    variants = {
        "torch": variant(golden_tolerance=0.125),
        "onnx-fp32": variant(status="refused"),
    }
    return described(tmp_path, variants=variants, files=bundles.checksums(tmp_path))


def test_a_session_is_opened_by_the_variants_name(table: Path) -> None:
    session = open_session("torch", table, ["words"], ["vectors"], torch.get_num_threads())
    assert session.run({"words": np.array([[1]])})["vectors"].tolist() == [[[2, 3]]]


def bundle_of(table: Path, **change: Any) -> Bundle:
    return described(
        table.parent,
        inputs=(TensorSpec(name="words", datatype="INT64", shape=(-1, 1)),),
        outputs=(TensorSpec(name="vectors", datatype="FP32", shape=(-1, 1, 2)),),
        variants={"torch": variant(file=table.name)},
        files=bundles.checksums(table.parent),
        **change,
    )


def test_a_variant_answers_by_the_bundles_names(table: Path) -> None:
    session = open_variant(bundle_of(table), "torch", torch.get_num_threads())
    assert session.run({"words": np.array([[1]])})["vectors"].tolist() == [[[2, 3]]]


@pytest.mark.parametrize("variant", ["onnx-fp32", "onnx-int8", ""])
def test_what_was_refused_or_never_built_is_not_opened(golden: Bundle, variant: str) -> None:
    with pytest.raises(UserError, match=f"^{golden.root}: has no accepted variant '{variant}', only torch$"):
        open_variant(golden, variant, threads=1)


def test_a_variant_whose_file_has_gone_is_not_opened(golden: Bundle) -> None:
    listed = dataclasses.replace(golden, files=golden.files | {FILE: "0" * 64})
    with pytest.raises(BundleError, match="is missing; export the bundle again"):
        open_variant(listed, "torch", threads=1)


@pytest.mark.parametrize("values", [[0.25, 0.75], [0.375, 0.75]])
def test_an_answer_within_the_tolerance_is_the_golden_one(golden: Bundle, values: list[float]) -> None:
    check_golden(Gives(probabilities=values, more=[7.0]), golden, "torch")


@pytest.mark.parametrize(("values", "difference"), [([0.25, 0.5], "0.25"), ([float("nan"), 0.75], "nan")])
def test_another_answer_is_told_with_its_difference(golden: Bundle, values: list[float], difference: str) -> None:
    words = f"^tiny torch: its answer .* differs by {difference} in 'probabilities'; 0.12 is allowed$"
    with pytest.raises(BundleError, match=words):
        check_golden(Gives(probabilities=values), golden, "torch")


@pytest.mark.parametrize(("answered", "fails"), [(-np.inf, None), (np.nan, None), (np.inf, "inf"), (9.0, "inf")])
def test_an_infinity_is_answered_as_such_or_as_null(tmp_path: Path, answered: float, fails: str | None) -> None:
    rows = np.array([[-np.inf, 1.0]], np.float32)
    bundle = golden_of(tmp_path, np.zeros((1, 2), np.float32), rows)
    gives = Gives(probabilities=[answered, 1.0])
    if fails is None:
        check_golden(gives, bundle, "onnx-fp32")
        return
    with pytest.raises(BundleError, match=f"differs by {fails} in 'probabilities'"):
        check_golden(gives, bundle, "onnx-fp32")


class AddsFirst:
    """What it gives for a row depends on the row that comes first."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"probabilities": inputs["row"] + inputs["row"][0]}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            np.array([[0, 1.0], [2, 0]]),
            r" in another order differs by 2 in 'probabilities'; 0\.0021 is allowed, and all",
        ),
        (
            np.array([[0, 1.0], [2, 0], [0, 1]]),
            r" alone \(sample 1\) differs by 2 in 'probabilities'; 0\.0021 is allowed",
        ),
    ],
)
def test_the_golden_samples_may_not_depend_on_their_company(tmp_path: Path, rows: np.ndarray, words: str) -> None:
    bundle = golden_of(tmp_path, rows, AddsFirst().run({"row": rows})["probabilities"])
    check_golden_together(AddsFirst(), bundle, "onnx-fp32")
    with pytest.raises(BundleError, match=f"^tiny onnx-fp32: its answer to the golden input{words}") as refused:
        check_golden(AddsFirst(), bundle, "onnx-fp32")
    assert str(refused.value).endswith("are answered right; export it again, with --max-batch 1")
    alone = golden_of(tmp_path / "alone", rows, rows + rows)
    check_golden(CappedSession(AddsFirst(), 1), alone, "onnx-fp32")


def test_what_another_batch_rounds_of_large_outputs_is_no_dependence(tmp_path: Path) -> None:
    """A variant that is equal to the checkpoint in equal batches has a tolerance for small ones alone."""

    class Rounds:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"probabilities": inputs["row"] + 0.01 * len(inputs["row"])}

    rows = np.array([[5e5, 1], [2, 0]])
    bundle = golden_of(tmp_path, rows, Rounds().run({"row": rows})["probabilities"])
    check_golden(Rounds(), bundle, "onnx-fp32")


@pytest.mark.parametrize(("wrong", "is_taken"), [(1, True), (2, False)])
def test_of_a_thousand_whole_numbers_one_may_be_another_for_its_batch(
    tmp_path: Path, wrong: int, is_taken: bool
) -> None:
    class Flips:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            classes = inputs["row"].astype(np.int64)
            classes[:, :wrong] += len(classes) == 1
            return {"probabilities": classes}

    rows = np.zeros((2, 1000))
    bundle = golden_of(tmp_path, rows, Flips().run({"row": rows})["probabilities"])
    if is_taken:
        check_golden(Flips(), bundle, "onnx-fp32")
    else:
        with pytest.raises(BundleError, match=r"alone \(sample 0\) differs in 0\.20% of 'probabilities'; 0\.10% are"):
            check_golden(Flips(), bundle, "onnx-fp32")


@pytest.mark.parametrize(("share", "is_taken"), [(0.1, True), (0.05, False)])
def test_the_share_that_may_be_others_is_of_all_samples_though_one_is_asked(
    tmp_path: Path, share: float, is_taken: bool
) -> None:
    class MistakesOne:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"probabilities": inputs["row"].astype(np.int64) + (inputs["row"] == 3) * np.array([1, 1, 0, 0, 0])}

    rows = np.repeat(np.arange(4.0)[:, None], 5, axis=1)  # 2 of 20 numbers are others, and 2 of 5 of the last sample's
    golden = golden_of(tmp_path, rows, rows.astype(np.int64))
    bundle = dataclasses.replace(golden, variants={"onnx-fp32": variant(golden_tolerance={"probabilities": share})})
    if is_taken:
        check_golden(MistakesOne(), bundle, "onnx-fp32")
    else:
        with pytest.raises(BundleError, match=r"differs in 10\.00% of 'probabilities'; 5\.00% are allowed"):
            check_golden(MistakesOne(), bundle, "onnx-fp32")


class Answers:
    """Whatever it is asked, as many rows of it."""

    def __init__(self, **outputs: np.ndarray) -> None:
        self.outputs = outputs

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: values[: len(inputs["row"])] for name, values in self.outputs.items()}


def several(folder: Path, tolerance: Any, **outputs: np.ndarray) -> Bundle:
    (folder / "golden").mkdir()
    np.savez(folder / "golden" / "inputs.npz", row=np.zeros((1, 3), np.float32))
    np.savez(folder / "golden" / "outputs.npz", **outputs)  # type: ignore[arg-type]
    made = {"onnx-fp32": variant(golden_tolerance=tolerance)}
    kinds = {"f": "FP32", "i": "INT64"}
    specs = tuple(TensorSpec(name=name, datatype=kinds[each.dtype.kind], shape=(-1, each.shape[1]))
                  for name, each in outputs.items())  # fmt: skip
    checksums = bundles.checksums(folder)
    return described(folder, task="tensors", labels=(), outputs=specs, variants=made, files=checksums)


LARGE, SMALL = np.array([[1e6]], np.float32), np.array([[0.5]], np.float32)


@pytest.mark.parametrize(("off", "is_taken"), [(0.0, True), (0.0001, True), (0.01, False)])
def test_a_small_output_is_not_checked_by_the_tolerance_of_a_large_one(
    tmp_path: Path, off: float, is_taken: bool
) -> None:
    bundle = several(tmp_path, {"large": 16.0, "small": 1e-3}, large=LARGE, small=SMALL)
    answers = Answers(large=LARGE + 8, small=SMALL + np.float32(off))
    if is_taken:
        check_golden(answers, bundle, "onnx-fp32")
    else:
        with pytest.raises(BundleError, match=r"differs by 0\.01 in 'small'; 0\.001 is allowed$"):
            check_golden(answers, bundle, "onnx-fp32")


def test_the_one_tolerance_of_a_bundle_of_before_is_for_all_outputs(tmp_path: Path) -> None:
    ids = np.array([[3, 4, 5, 6]])
    bundle = several(tmp_path, 16.0, large=LARGE, small=SMALL, ids=ids)
    check_golden(Answers(large=LARGE + 8, small=SMALL + 8, ids=ids + 8), bundle, "onnx-fp32")
    with pytest.raises(BundleError, match=r"differs in 25\.00% of 'ids'; 0\.00% are allowed$"):
        check_golden(Answers(large=LARGE, small=SMALL, ids=ids + np.array([0, 0, 0, 17])), bundle, "onnx-fp32")


@pytest.mark.parametrize(("wrong", "is_taken"), [(1, True), (2, False)])
def test_of_whole_numbers_a_share_may_be_others(tmp_path: Path, wrong: int, is_taken: bool) -> None:
    ids = np.array([[3, 4, 5, 6]])
    bundle = several(tmp_path, {"ids": 0.25}, ids=ids)
    answers = Answers(ids=ids + 100 * (np.arange(4) < wrong))
    if is_taken:
        check_golden(answers, bundle, "onnx-fp32")
    else:
        with pytest.raises(BundleError, match=r"differs in 50\.00% of 'ids'; 25\.00% are allowed$"):
            check_golden(answers, bundle, "onnx-fp32")


def test_samples_without_an_axis_for_them_are_not_taken_apart(tmp_path: Path) -> None:
    rows = np.array([[0, 1.0], [2, 0]])
    bundle = golden_of(tmp_path, rows, AddsFirst().run({"row": rows})["probabilities"])
    fixed = dataclasses.replace(bundle, inputs=(TensorSpec(name="row", datatype="FP32", shape=(2, 2)),))
    check_golden(AddsFirst(), fixed, "onnx-fp32")


def golden_of(folder: Path, rows: np.ndarray, answers: np.ndarray) -> Bundle:
    (folder / "golden").mkdir(parents=True)
    np.savez(folder / "golden" / "inputs.npz", row=rows)
    np.savez(folder / "golden" / "outputs.npz", probabilities=answers)
    return described(folder, columns=2, files=bundles.checksums(folder))


def test_a_variant_of_a_bundle_with_a_limit_computes_no_more_together(table: Path) -> None:
    session = open_variant(bundle_of(table, max_batch=2), "torch", torch.get_num_threads())
    assert isinstance(session, CappedSession)
    assert session.most == 2
    assert session.run({"words": np.array([[1], [2], [0]])})["vectors"].tolist() == [[[2, 3]], [[4, 5]], [[0, 1]]]


@pytest.mark.parametrize("variant", ["torch", "onnx-fp32"])
def test_a_variant_gives_the_golden_outputs_and_a_wrong_one_is_found(bundle: Path, variant: str) -> None:
    loaded = bundles.load(bundle)
    session = open_variant(loaded, variant, threads=1)
    check_golden(session, loaded, variant)

    class Wrong:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: values + np.float32(0.01) for name, values in session.run(inputs).items()}

    with pytest.raises(BundleError, match=r"differs by 0\.01"):
        check_golden(Wrong(), loaded, variant)
