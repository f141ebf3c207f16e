"""The samples for a model that was not trained here are what its inputs say, or are refused with the option's name."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, Subset

from tests.serving.export.tiny_reference import half
from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.find import made
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.external_data import (
    MADE_UP,
    CheckedTargets,
    check_finite,
    samples_of,
    with_checked_targets,
)
from torchferry.serving.export.external.input_spec import GivenInput, read_input
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks import half_of

OPTION = "--eval-data"


def read(*words: str) -> list[GivenInput]:
    return [read_input(text, number, {"normalize": "none"}) for number, text in enumerate(words)]


def given(folder: Path, words: str, task: str, **arrays: np.ndarray) -> Samples:
    np.savez(folder / "some.npz", **arrays)  # type: ignore[arg-type]
    return samples_of(folder / "some.npz", read(words), (), half(task), OPTION)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """One of each class, whose pixels are all 10 times the length of its name."""
    for name in ("blue", "red"):
        (tmp_path / "eval" / name).mkdir(parents=True)
        pixels = np.full((4, 4, 3), 10 * len(name), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "eval" / name / "one.png")
    return tmp_path / "eval"


@pytest.mark.parametrize(
    ("words", "array", "kind"),
    [
        ("row=image:4", np.full((2, 3, 4, 4), 0.5), "float64; uint8"),
        ("row=image:4", np.full((2, 3, 4, 4), 5, np.int64), "int64; uint8"),
        ("table:8", np.full((2, 8), 1e300), "float64; float32"),
        ("table:8", np.zeros((2, 8), np.int64), "int64; float32"),
        ("table:8", np.full((2, 8), "1"), "<U1; float32"),
        ("row=tensor:INT64:8", np.full((2, 8), 0.5, np.float32), "float32; int64"),
    ],
)
def test_arrays_that_a_cast_could_change_are_refused(tmp_path: Path, words: str, array: np.ndarray, kind: str) -> None:
    with pytest.raises(UserError, match=rf"--eval-data: 'row' in .* is {kind} is expected, or what"):
        given(tmp_path, words, "tensors", row=array)


@pytest.mark.parametrize("kind", ["uint8", "int16", "float16", ">f4", "float64"])
def test_arrays_that_fit_into_the_inputs_datatype_are_taken(tmp_path: Path, kind: str) -> None:
    test = given(tmp_path, "table:8", "tensors", row=np.full((2, 8), 7, kind))
    assert (test.first(2)["row"] == np.full((2, 8), 7, np.float32)).all()
    assert test.first(2)["row"].dtype == np.float32
    assert not test.random


@pytest.mark.parametrize(
    ("task", "targets", "words"),
    [
        ("classification", np.eye(4, dtype=np.int64), "is int64 [4, 4]; integers are expected, [samples] or"),
        ("classification", np.array(list("abcd")), "is <U1 [4]; integers"),
        ("classification", np.array(3), "is int64 []; integers"),
        ("classification", np.zeros(4), "is float64 [4]; integers"),
        ("binary", np.array([0, 1, 0, 0.5]), "is float64 [4]; 0 and 1 are expected"),
        ("binary", np.array(list("0101")), "is <U1 [4]; 0 and 1 are expected"),
        ("multilabel", np.array([0, 1, 0, 1]), "is int64 [4]; 0 and 1 are expected, [samples, labels]"),
        ("multilabel", np.full((4, 2), 2), "is int64 [4, 2]; 0 and 1 are expected, [samples, labels]"),
        ("multilabel", np.full((4, 2), np.nan), "is float64 [4, 2]; 0 and 1 are expected, [samples, labels]"),
        ("regression", np.array([0, 1, np.nan, 2]), "is float64 [4]; finite numbers are expected, one row a sample"),
        ("regression", np.zeros((4, 1, 1)), "is float64 [4, 1, 1]; finite numbers are expected, one row a sample"),
        ("regression", np.array(list("abcd")), "is <U1 [4]; finite numbers are expected, one row a sample"),
    ],
)
def test_targets_that_are_not_the_tasks_are_refused(tmp_path: Path, task: str, targets: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)) as refused:
        given(tmp_path, "table:8", task, row=np.zeros((4, 8), np.float32), targets=targets)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("task", "targets", "taken"),
    [
        ("classification", np.array([[0], [1], [2], [3]], np.uint16), [0, 1, 2, 3]),
        ("binary", np.array([True, False, True, False]), [1, 0, 1, 0]),
        ("binary", np.array([1.0, 0, 1, 0]), [1, 0, 1, 0]),
        ("multilabel", np.eye(4, 2, dtype=bool), [[1, 0], [0, 1], [0, 0], [0, 0]]),
        ("regression", np.arange(4, dtype=np.float16), [[0], [1], [2], [3]]),
        ("tensors", np.array(list("abcd")), None),  # which nothing is compared with
    ],
)
def test_targets_that_are_the_tasks_are_taken(
    tmp_path: Path, task: str, targets: np.ndarray, taken: list[object] | None
) -> None:
    samples = given(tmp_path, "table:8", task, row=np.zeros((4, 8), np.float32), targets=targets)
    ((_, found),) = samples.batches()
    assert (None if found is None else found.tolist()) == taken


@pytest.mark.parametrize(
    ("task", "targets", "words"),
    [
        ("classification", [0, 1, 2, 4], "'targets' of sample 3 has class 4, but there are 4 labels, 0 to 3"),
        ("classification", [[0], [-1], [2], [3]], "'targets' of sample 1 has class -1, but there are 4"),
        ("classification", range(4), None),
        ("multilabel", np.eye(4, 3), "'targets' is [samples, 3]; [samples, 4] is expected of this model"),
        ("multilabel", np.eye(4), None),
        ("regression", np.zeros(4), "'targets' is [samples, 1]; [samples, 4] is expected of this model"),
        ("regression", np.zeros((4, 4)), None),
    ],
)
def test_targets_that_are_not_the_models_are_refused(
    tmp_path: Path, task: str, targets: Sequence[object], words: str | None
) -> None:
    row = np.zeros((4, 8), np.float32)
    samples = given(tmp_path, "table:8", task, row=row, targets=np.array(targets))
    with pytest.raises(UserError, match=f"^{OPTION}: {re.escape(words)}") if words else nullcontext():
        with_checked_targets(samples, half(task, tuple("abcd")), OPTION)


def test_a_folder_of_classes_is_for_a_task_that_takes_them(pictures: Path) -> None:
    with pytest.raises(UserError, match=r"says the classes of pictures; --task multilabel takes 0 or 1 for each label"):
        samples_of(pictures, read("image:4"), ("red", "blue"), half("multilabel"), OPTION)
    assert not samples_of(pictures, read("image:4"), ("red", "blue"), half("tensors"), OPTION).random


def test_an_embedding_is_judged_by_classes_that_its_network_need_not_know(pictures: Path) -> None:
    samples = samples_of(pictures, read("image:4"), (), half("embedding"), OPTION)
    ((_, targets),) = samples.batches()
    assert targets.tolist() == [0, 1]


def test_targets_of_several_heads_are_an_array_for_each(tmp_path: Path) -> None:
    heads = {"kind": {"name": "classification"}, "size": {"name": "regression"}}
    task = half_of(made(TASKS["heads"], {"heads": heads}, ("kind: a", "kind: b", "size: 0")))
    row = np.zeros((2, 3), np.float32)
    arrays = {"row": row, "targets.size": np.array([0.5, 2]), "targets.kind": np.array([1, 0])}
    np.savez(tmp_path / "some.npz", **arrays)  # type: ignore[arg-type]
    samples = samples_of(tmp_path / "some.npz", read("table:3"), (), task, OPTION)
    with_checked_targets(samples, task, OPTION)
    ((_, targets),) = replace(samples, task=task).batches()
    assert {head: values.tolist() for head, values in targets.items()} == {"kind": [1, 0], "size": [[0.5], [2.0]]}
    np.savez(tmp_path / "some.npz", row=row, targets=np.array([1, 0]))
    with pytest.raises(UserError, match=r"^--eval-data: there is no 'targets.kind' in .*some.npz, which has row, targ"):
        samples_of(tmp_path / "some.npz", read("table:3"), (), task, OPTION)


def test_targets_that_nothing_is_compared_with_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = np.zeros((2, 8), np.float32)
    given(tmp_path, "table:8", "tensors", row=row)
    given(tmp_path, "table:8", "classification", row=row, targets=np.array([0, 1]))
    assert not capsys.readouterr().out
    given(tmp_path, "table:8", "tensors", row=row, targets=np.array([0, 1]))
    assert capsys.readouterr().out.startswith(f"{OPTION}: the targets in {tmp_path / 'some.npz'} are compared with")


def test_targets_of_files_are_looked_at_as_they_are_read() -> None:
    pairs = [(torch.zeros(3), torch.tensor(each)) for each in (0, 1, 2)]
    files: Dataset = Subset(pairs, range(3))  # type: ignore[arg-type]  # a list is map-style
    samples = with_checked_targets(
        Samples(files, ("row",), task=half("classification")), half("classification", ("a", "b")), OPTION
    )
    assert isinstance(samples.data, CheckedTargets)
    assert int(samples.data[1][1]) == 1
    with pytest.raises(UserError, match=r"^--eval-data: sample 2 has class 2, but there are 2 labels"):
        list(samples.batches())


def test_an_image_folders_classes_are_numbered_by_the_labels(pictures: Path) -> None:
    samples = samples_of(pictures, read("image:4"), ("red", "green", "blue"), half("classification"), OPTION)
    ((inputs, targets),) = samples.batches()
    assert targets is not None
    assert {int(target): int(image.max()) for target, image in zip(targets, inputs["image"], strict=True)} == {
        0: 30,
        2: 40,
    }


@pytest.mark.parametrize(
    ("words", "labels", "refused"),
    [
        (["image:4"], ("red",), "eval/blue is none of the classes in --labels"),
        (["table:4"], ("red", "blue"), "is a folder, which is for a model of one image; give an .npz file"),
        (["image:4", "image:4"], ("red", "blue"), "is a folder, which is for a model of one image; give an .npz file"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(
    pictures: Path, words: Sequence[str], labels: tuple[str, ...], refused: str
) -> None:
    with pytest.raises(UserError, match=f"--eval-data: .*{re.escape(refused)}"):
        samples_of(pictures, read(*words), labels, half("classification"), OPTION)


def test_other_files_beside_the_images_are_said(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "red" / "notes.txt").write_text("no image")
    samples_of(pictures, read("image:4"), ("red", "blue"), half("classification"), OPTION)
    words = f"{OPTION}: {pictures}: left out 1 file that is no picture: red/notes.txt\n"
    assert capsys.readouterr().out == words


def test_a_folder_without_images_is_refused(pictures: Path) -> None:
    for file in pictures.rglob("*.png"):
        file.unlink()
        file.with_suffix(".txt").write_text("no image")
    with pytest.raises(UserError, match=r"eval has no image files; CLASS/\*\.jpg is expected"):
        samples_of(pictures, read("image:4"), ("red", "blue"), half("classification"), OPTION)
    with pytest.raises(UserError, match=r"--eval-data: .*red: has no folders"):
        samples_of(pictures / "red", read("image:4"), ("red", "blue"), half("classification"), OPTION)


def test_arrays_of_different_lengths_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", a=np.zeros((3, 2), np.float32), b=np.zeros((4, 2), np.float32))
    with pytest.raises(UserError, match=r"--eval-data: the arrays in .*some\.npz have 3, 4 samples"):
        samples_of(tmp_path / "some.npz", read("a=table:2", "b=table:2"), (), half("tensors"), OPTION)


@pytest.mark.parametrize(
    ("words", "dtype", "shape"),
    [
        ("image:L:4x5", "uint8", (MADE_UP, 1, 4, 5)),
        ("table:3", "float32", (MADE_UP, 3)),
        ("tensor:INT64:7", "int64", (MADE_UP, 7)),
        ("tensor:FP32:4x1024x256", "float32", (16, 4, 1024, 256)),  # fewer large ones
    ],
)
def test_without_data_some_are_made_up_the_same_ones_each_time(words: str, dtype: str, shape: tuple[int, ...]) -> None:
    one, two = (samples_of(None, read(words), (), half("tensors"), OPTION) for _ in range(2))
    assert one.random
    ((name, values),) = one.first(MADE_UP).items()
    assert (values.dtype.name, values.shape) == (dtype, shape)
    assert len(np.unique(values)) > 1
    if dtype == "int64":
        assert set(np.unique(values)) == {0, 1}  # ids that any vocabulary has
    np.testing.assert_array_equal(values, two.first(MADE_UP)[name])


def test_an_input_that_is_called_as_the_targets_is_refused_where_there_are_some(tmp_path: Path) -> None:
    rows = np.zeros((4, 8), np.float32)
    assert given(tmp_path, "targets=table:8", "tensors", targets=rows).first(1)["targets"].shape == (1, 8)
    with pytest.raises(UserError, match="--input: 'targets' is also what --eval-data calls the targets; say --task"):
        given(tmp_path, "targets=table:8", "classification", targets=rows)


@pytest.mark.parametrize(
    ("odd", "words"), [(np.nan, "is NaN in sample 1; --allow-nan says"), (np.inf, "is infinite in")]
)
def test_samples_that_no_server_takes_are_refused(tmp_path: Path, odd: float, words: str) -> None:
    rows = np.zeros((2, 3), np.float32)
    rows[1, 2] = odd
    test = given(tmp_path, "table:3", "tensors", row=rows)
    row = TensorSpec(name="row", datatype="FP32", shape=(-1, 3), allow_nan=False)
    with pytest.raises(UserError, match=f"--eval-data: 'row' {words}"):
        check_finite(test, [row], OPTION)
    if np.isnan(odd):
        check_finite(test, [replace(row, allow_nan=True)], OPTION)
