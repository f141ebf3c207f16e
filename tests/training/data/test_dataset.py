from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from tests.training.data.sources import noise, refusal, source
from torchferry.errors import UserError
from torchferry.training.data.source import ImageInput, Source, TargetScale, TensorInput
from torchferry.training.errors import CorruptSample

SETS = "tests.training.data.user_sets"
IMAGE = {"height": 6, "width": 5, "mode": "L", "normalize": "half"}


def named(name: str, **args: Any) -> dict[str, Any]:
    return {"name": f"{SETS}.{name}", "args": args}


def pairs(x: Any, y: Any, of: str = "", made: str = "float32", **args: Any) -> Source:
    both = named("Pairs", x=x, y=y, of=of, datatype=made)
    return source("dataset", **{"train": both, "test": both, "labels": 3, **args})


def walked(streamed: Source) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(streamed.train)  # type: ignore[call-overload]  # an IterableDataset


def test_pictures_are_converted_by_the_rules_of_decode() -> None:
    pictures = source("dataset", train=named("Pictures"), test=named("Pictures", count=3), labels=3, image=IMAGE)
    assert pictures.labels == ("0", "1", "2")
    assert (pictures.train_size, pictures.test_size) == (6, 3)
    assert pictures.input == ImageInput(mode="L", height=6, width=5, mean=(0.5,), std=(0.5,), exif="apply")
    images, classes = next(iter(DataLoader(pictures.train, batch_size=6, num_workers=1)))
    assert classes.tolist() == [0, 1, 2, 0, 1, 2]
    expected = noise(4).convert("L").resize((5, 6), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(images[4, 0].numpy(), np.asarray(expected))


@pytest.mark.parametrize("of", ["array", "tensor"])
def test_arrays_and_tensors_of_the_declared_shape(of: str) -> None:
    image = pairs([[[7, 8]]], 2, of, "uint8", image={"height": 1, "width": 2, "mode": "L"})
    assert image.train[0][0].tolist() == [[[7, 8]]]
    ids = pairs([4, 5], 1, of, "int64", shape=[2], datatype="int64")
    assert ids.input == TensorInput(shape=(2,), datatype="int64")
    assert [part.dtype for part in ids.train[0]] == [torch.int64, torch.int64]
    values = pairs([4, 5], [1, 2.5], of, shape=[2], targets="values", labels=["a", "b"])
    x, y = values.test[1]
    assert (x.dtype, x.tolist(), y.dtype, y.tolist()) == (torch.float32, [4, 5], torch.float32, [1, 2.5])
    assert pairs([4, 5], 3.5, of, shape=[2], targets="values", labels=["a"]).train[0][1].tolist() == [3.5]


def test_targets_are_scaled_by_those_of_the_training_set_where_it_is_asked_for() -> None:
    args = {"labels": ["due", "same"], "targets": "values", "shape": [1]}
    pair = named("Pairs", x=[1], y=[1700000001.0, 0.1], of="array")
    assert source("dataset", train=pair, test=pair, **args).target_scale is None
    scaled = source("dataset", train=named("Due", broken=2), test=pair, scale_target=True, **args)
    assert scaled.target_scale == TargetScale(mean=(1700000001.0, 0.1), std=(1, 1))
    assert scaled.test[0][1].tolist() == [1700000001.0, 0.1]
    stream = {"train": named("Numbers"), "train_samples": 3, "test": named("Pairs", x=[1], y=1, of="array")}
    words = refusal(lambda: source("dataset", **args | stream | {"labels": ["due"]}, scale_target=True))
    assert words.startswith(f"data.source.args.scale_target: train {SETS}.Numbers is a stream, which is not read twice")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y": [1, float("nan")]}, f"train {SETS}.Pairs[0]: y is [1.0, nan]; every target must be finite as float64"),
        ({"targets": "classes"}, "data.source.args.scale_target: classes are not scaled"),
    ],
)
def test_targets_that_cannot_be_scaled_are_refused(changes: dict[str, Any], words: str) -> None:
    args = {"labels": ["a", "b"], "targets": changes.get("targets", "values"), "shape": [1], "scale_target": True}
    given = named("Pairs", x=[1], y=changes.get("y", 1), of="array")
    assert words in refusal(lambda: source("dataset", train=given, test=given, **args))


def test_streams_have_the_declared_length_and_know_the_epoch() -> None:
    args = {"labels": ["half"], "targets": "values", "shape": [2], "train_samples": 4, "test_samples": 3}
    stream = source("dataset", train=named("Numbers"), test=named("Numbers", end=3), **args)
    assert stream.train_size == 4
    assert [y.tolist() for _, y in walked(stream)] == [[0], [0.5], [1], [1.5]]
    stream.train.set_epoch(2)  # type: ignore[attr-defined]
    assert [x.tolist() for x, _ in walked(stream)] == [[200, 200], [201, 201], [202, 202], [203, 203]]
    assert isinstance(stream.test, TensorDataset)
    assert stream.test.tensors[0].tolist() == [[0, 0], [1, 1], [2, 2]]
    with pytest.raises(CorruptSample, match=rf"train {SETS}.Numbers\[2\]: cannot be read: OSError: connection lost"):
        walked(source("dataset", train=named("Numbers", broken=2), test=named("Numbers"), **args))
    words = refusal(lambda: source("dataset", train=named("Numbers"), test=named("Numbers", end=2), **args))
    assert f"data.source.args.test_samples: test {SETS}.Numbers ended after 2 of 3" in words


def test_a_stream_that_knows_its_length_needs_no_number() -> None:
    args = {"labels": ["half"], "targets": "values", "shape": [2]}
    stream = source("dataset", train=named("Counted"), test=named("Counted"), **args)
    assert (stream.train_size, stream.test_size) == (5, 5)
    assert [y.tolist() for _, y in walked(stream)] == [[0], [0.5], [1], [1.5], [2]]


def test_a_picture_that_is_cut_is_a_corrupt_sample(tmp_path: Path) -> None:
    for index in range(2):
        noise(index).save(tmp_path / f"{index}.png")
    cut = tmp_path / "1.png"
    cut.write_bytes(cut.read_bytes()[:-60])
    files = named("Files", folder=str(tmp_path))
    pictures = source("dataset", train=files, test=files, labels=2, image=IMAGE)
    assert pictures.train[0][0].shape == (1, 6, 5)
    with pytest.raises(CorruptSample, match=rf"^train {SETS}.Files\[1\]: cannot be read as an image: OSError"):
        pictures.train[1]


def test_whatever_fails_at_one_sample_is_named() -> None:
    for broken in (0, 4):  # the first is tried when the source is built
        train, test = named("Pictures", broken=broken), named("Pictures")
        pictures = source("dataset", train=train, test=test, labels=3, image=IMAGE)
        with pytest.raises(CorruptSample, match=rf"^train {SETS}.Pictures\[{broken}\]: cannot be read: KeyError"):
            pictures.train[broken]


@pytest.mark.parametrize(
    ("given", "declared", "words"),
    [
        (([1, 2], 0, "array"), {"shape": [3]}, "x is float32 [2]; float32 [3] is expected"),
        (([1, 2], 0, "tensor", "float64"), {"shape": [2]}, "x is float64 [2]; float32 [2] is expected"),
        (([1, 2], 0), {"shape": [2]}, "x is a list of 2; float32 [2] is expected"),
        (
            ([[1, 2]], 0, "array", "uint8"),
            {"image": {"height": 1, "width": 2}},
            "x is uint8 [1, 2]; a PIL image or uint8 [3, 1, 2]",
        ),
        (([1], 3, "array"), {"shape": [1]}, "y is 3; a class from 0 to 2 is expected"),
        (([1], -1, "array"), {"shape": [1]}, "y is -1; a class from 0 to 2 is expected"),
        (([1], 1.0, "array"), {"shape": [1]}, "y is 1.0; a class from 0 to 2 is expected"),
        (([1], "one", "array"), {"shape": [1]}, "y is a str; a class from 0 to 2 is expected"),
        (([1], [1, 2], "array"), {"shape": [1], "targets": "values"}, "y is a list of 2; 3 numbers are expected"),
    ],
)
def test_wrong_samples_are_named_when_the_source_is_built(given: tuple, declared: dict[str, Any], words: str) -> None:
    found = refusal(lambda: pairs(*given, **declared))
    assert f"train {SETS}.Pairs[0]: {words}" in found


def test_a_wrong_sample_found_later_is_no_corrupt_one() -> None:
    args = {"labels": ["half"], "targets": "values", "shape": [1], "train_samples": 4}
    stream = source("dataset", train=named("Numbers"), test=named("Pairs", x=[1], y=1, of="array"), **args)
    with pytest.raises(UserError, match=r"Numbers\[0\]: x is float32 \[2\]; float32 \[1\] is expected") as wrong:
        walked(stream)
    assert not isinstance(wrong.value, CorruptSample)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": [2]}, "give either image or shape"),
        ({"image": None}, "give either image or shape"),
        ({"image": None, "shape": [0]}, "data.source.args.shape: [0] must be lengths of 1 or more"),
        ({"image": {"height": 3}}, "data.source.args.image: missing a required argument: 'width'; image has height"),
        ({"image": IMAGE | {"size": 3}}, "data.source.args.image: got an unexpected keyword argument 'size'"),
        ({"image": IMAGE | {"mode": "X"}}, "data.source.args.image.mode: 'X' is not RGB or L"),
        (
            {"image": IMAGE | {"normalize": "well"}},
            "data.source.args.image.normalize: 'well' is not imagenet or half",
        ),
        ({"image": IMAGE | {"exif": "maybe"}}, "data.source.args.image.exif: 'maybe' is not apply or ignore"),
        ({"image": IMAGE | {"height": 0}}, "data.source.args.image.height: 0 is too small"),
        ({"labels": 0}, "data.source.args.labels: 0 gives no label"),
        ({"train_samples": 3}, "data.source.args.train_samples: is for an iterable data set"),
        ({"train": named("Numbers")}, "data.source.args.train_samples: is missing"),
        ({"train": named("Pictures", count=0)}, f"train {SETS}.Pictures has no samples"),
        ({"train": named("Pictures", size=0)}, "data.source.args.train"),
        ({"train": {"name": "Pictures"}}, "data.source.args.train: {'name': 'Pictures'} is not {name: package.module"),
        ({"train": named("single")}, f"train {SETS}.single[0]: is 1; (x, y) is expected"),
        ({"test": named("nothing")}, f"test {SETS}.nothing gives a NoneType"),
        ({"test": named("missing")}, f"cannot import '{SETS}.missing'"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, Any], words: str) -> None:
    args = {"train": named("Pictures"), "test": named("Pictures"), "labels": 3, "image": IMAGE, **changes}
    assert words in refusal(lambda: source("dataset", **args))


def test_torchvisions_own_sets_fit() -> None:
    fake = {"name": "torchvision.datasets.FakeData", "args": {"size": 4, "image_size": [3, 9, 9], "num_classes": 2}}
    images = source("dataset", train=fake, test=fake, labels=2, image={"height": 9, "width": 9})
    assert images.train[3][0].shape == (3, 9, 9)


TARGETS = {
    "kind": {"targets": "classes", "labels": ["cat", "dog"]},
    "size": {"targets": "values", "labels": ["cm"]},
}
"""Of a sample that has several."""


def test_several_targets_are_in_a_dict() -> None:
    given = pairs([1], {"kind": 1, "size": 2.5, "unread": "x"}, "array", shape=[1], targets="several", labels=TARGETS)
    assert given.labels == ("kind: cat", "kind: dog", "size: cm")
    assert given.parts == {"kind": "classes", "size": "values"}
    assert {name: value.tolist() for name, value in given.train[0][1].items()} == {"kind": 1, "size": [2.5]}


def test_of_several_targets_values_are_scaled() -> None:
    args: dict[str, Any] = {"shape": [1], "targets": "several", "labels": TARGETS, "scale_target": True}
    assert pairs([1], {"kind": 1, "size": 2.5}, "array", **args).target_scale == {
        "size": TargetScale(mean=(2.5,), std=(1.0,))
    }


@pytest.mark.parametrize(
    ("y", "labels", "said"),
    [
        (3, TARGETS, "y is 3; a dict of kind, size is expected"),
        ({"kind": 1}, TARGETS, "y has kind, but no size"),
        ({"kind": 7, "size": 1}, TARGETS, "kind: y is 7; a class from 0 to 1 is expected"),
        (3, ["a"], "names no targets"),
        (3, {"kind": {"targets": "words", "labels": ["a"]}}, "labels.kind: .* is not {targets: classes or values or"),
        (3, {"kind": {"targets": "classes", "labels": "ab"}}, "labels.kind.labels: 'ab' are no labels"),
    ],
)
def test_what_is_not_several_targets_is_refused(y: Any, labels: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        pairs([1], y, "array", shape=[1], targets="several", labels=labels)
