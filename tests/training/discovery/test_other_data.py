"""Other data are numbered by the model's classes, by name; what the model does not take is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import TensorDataset

from tests.training.data.sounds.spoken import spoken
from tests.training.data.sources import refusal
from tests.training.discovery.small_data import folder_of, picture, shard_of, table_of
from torchferry.contract.tasks.find import task_of
from torchferry.training.config.instantiate import Component
from torchferry.training.data.sounds.sound_input import sound_input
from torchferry.training.data.source import ImageInput, Input, Source, TableInput, TensorInput
from torchferry.training.data.varying_inputs import SeriesInput
from torchferry.training.discovery.other_data import data_of
from torchferry.training.models.saved import ModelCard

PICTURES = ImageInput(mode="RGB", height=8, width=8, mean=(0.0,) * 3, std=(1.0,) * 3, exif="apply")
SCANS = ImageInput(mode="L", height=8, width=8, mean=(0.0,), std=(1.0,), exif="apply")
IMAGES = {"height": 8, "width": 8, "mode": "RGB", "interpolation": "bilinear", "limit": 1}


def card(
    source: str,
    args: dict[str, Any],
    input: Input = PICTURES,
    labels: tuple[str, ...] = ("dark", "light"),
    task: str = "classification",
) -> ModelCard:
    given: dict[str, Any] = {
        "name": "m",
        "task": task_of(task, labels),
        "network": Component(name="mlp"),
        "input": input,
    }
    given |= {"data": Component(name=source, args=args), "result": {}, "step": 1, "torch": ""}
    return ModelCard(**given)


def targets(source: Source) -> list[int]:
    return [int(source.test[index][1]) for index in range(source.test_size)]


def test_without_another_path_it_is_the_cards_own_test_set(tmp_path: Path) -> None:
    folder_of(tmp_path, train=2, test=1)
    assert targets(data_of(card("image_folder", {**IMAGES, "root": str(tmp_path), "limit": None}), None, None)) == [
        0,
        1,
    ]


def test_sounds_and_series_are_judged_on_others(tmp_path: Path) -> None:
    audio, series = sound_input(8_000), SeriesInput(channels=None, mean=(0.0,), std=(1.0,), most=3)
    spoken(tmp_path / "own")
    spoken(tmp_path / "other", "cde", takes=1)
    args = {"root": str(tmp_path / "own"), "rate": 8_000, "group": "/(.)_", "test_fraction": 0.5}
    given = card("audio_folder", args, audio, ("high", "low"))
    assert targets(data_of(given, str(tmp_path / "other"), None)) == [0, 0, 0, 1, 1, 1]
    (tmp_path / "other.tsv").write_text("b\t1\t2\nb\t3\t4\n")
    given = card("series", {"path": "gone.ts", "test_path": "gone.ts"}, series, ("a", "b"))
    assert targets(data_of(given, str(tmp_path / "other.tsv"), None)) == [1, 1]
    other = Component(name="audio_folder", args={**args, "rate": 16_000, "test_fraction": 0.0, "group": None})
    words = refusal(lambda: data_of(card("audio_folder", args, audio, ("high", "low")), None, other))
    assert words == "--source: gives sounds of 16,000 Hz; the model takes sounds of 8,000 Hz"


@pytest.mark.parametrize("inside", ["", "test"])
def test_a_folder_is_one_of_classes_or_has_them_in_test(inside: str, tmp_path: Path) -> None:
    folder_of(tmp_path / "own", train=1, test=1)
    folder_of(tmp_path / "other", train=2, test=3)
    given = card("image_folder", {**IMAGES, "root": str(tmp_path / "own")})
    assert targets(data_of(given, str(tmp_path / "other" / inside), None)) == [0, 0, 0, 1, 1, 1]


def test_classes_are_numbered_by_name(tmp_path: Path) -> None:
    folder_of(tmp_path, train=1, test=2)
    found = data_of(
        card("image_folder", {**IMAGES, "root": "."}, labels=("light", "grey", "dark")), str(tmp_path), None
    )
    assert (targets(found), found.labels) == ([2, 2, 0, 0], ("light", "grey", "dark"))


def test_a_part_of_the_classes_is_enough(tmp_path: Path) -> None:
    (tmp_path / "light").mkdir()
    (tmp_path / "light" / "0.png").write_bytes(picture("light", 0))
    assert targets(data_of(card("image_folder", {**IMAGES, "root": "."}), str(tmp_path), None)) == [1]


def test_a_class_that_the_model_does_not_know_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path, train=1, test=1)
    given = card("image_folder", {**IMAGES, "root": "."}, labels=("dark", "lights"))
    said = refusal(lambda: data_of(given, str(tmp_path), None))
    assert said == "--data: the model knows no class 'light'; did you mean lights?"


def a_table(columns: tuple[str, ...], labels: tuple[str, ...] = ("price",), **args: Any) -> ModelCard:
    input = TableInput(columns=columns, mean=(0.0,) * len(columns), std=(1.0,) * len(columns))
    given = {"path": "gone.csv", "columns": None, "loader": None, "target": "price", "features": None, **args}
    return card("table", given, input, labels, task="regression")


def test_all_rows_of_a_table_are_taken_and_its_columns_by_name(tmp_path: Path) -> None:
    path = table_of(tmp_path / "other.csv", ("price", "count", "b", "a"), rows=10)
    found = data_of(a_table(("a", "b"), test_fraction=0.2), str(path), None)
    inputs, target = found.test[0]
    assert found.test_size == 10
    assert target.item() == pytest.approx((inputs[0] - 2 * inputs[1]).item(), abs=1e-5)


def test_a_table_without_one_of_the_columns_is_refused(tmp_path: Path) -> None:
    path = table_of(tmp_path / "other.csv", ("price", "a"), rows=10)
    assert "'b'" in refusal(lambda: data_of(a_table(("a", "b")), str(path), None))


def test_the_targets_of_a_loader_are_the_models_labels(tmp_path: Path) -> None:
    path = table_of(tmp_path / "other.csv", ("a", "b", "price"), rows=10)
    given = a_table(("a", "b"), target=None, loader={"name": "somebody.load"})
    assert data_of(given, str(path), None).test_size == 10


def test_shards_are_read_with_the_models_labels(tmp_path: Path) -> None:
    shard_of(tmp_path / "other.tar", 4)
    args = {"height": 8, "width": 8, "train": "gone", "test": "gone", "labels": "gone.txt"}
    assert targets(data_of(card("webdataset", args), str(tmp_path / "other.tar"), None)) == [0, 1, 0, 1]


def two_targets() -> Source:
    rows = TensorDataset(torch.zeros(1, 3), torch.tensor([[1.0, 2.0]]))
    return Source(train=rows, test=rows, labels=("y", "x"), input=TensorInput(shape=(3,)), targets="values")


TWO = Component(name=f"{__name__}.two_targets")


def test_target_columns_are_put_in_the_models_order() -> None:
    given = card("digits", {}, TensorInput(shape=(3,)), ("x", "y"), task="regression")
    assert data_of(given, None, TWO).test[0][1].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("given", "data", "source", "words"),
    [
        (
            card("digits", {}),
            "x",
            None,
            "--data: the model's own source is digits, which takes no other path; ",
        ),
        (card("digits", {}), "x", TWO, "--data, --source: give one of them"),
        (card("digits", {}), None, TWO, "--source: gives samples of shape [3]; the model takes RGB pictures of 8 x 8"),
        (card("digits", {}, TensorInput(shape=(3,))), None, TWO, "--source: gives values, and the model is for class"),
        (
            card("digits", {}, TensorInput(shape=(3,)), ("x", "y", "z"), task="regression"),
            None,
            TWO,
            "--source: has no target 'z', which the model predicts",
        ),
        (
            card("digits", {}, TensorInput(shape=(3,)), ("x", "ys"), task="regression"),
            None,
            TWO,
            "--source: the model knows no target 'y'; did you mean ys?",
        ),
        (
            card("digits", {}, ImageInput(mode="L", height=9, width=8, mean=(0.0,), std=(1.0,))),
            None,
            Component(name="digits"),
            "--source: gives L pictures of 8 x 8, squash, bilinear, exif apply; the model takes L pictures of 9 x 8, "
            "squash, bilinear, exif ignore",
        ),
        (
            card("digits", {}, replace(SCANS, resize="pad", fraction=0.875, antialias=False, fill=(7,))),
            None,
            Component(name="digits"),
            "; the model takes L pictures of 8 x 8, pad to 0.875 of a side with bars of [7], bilinear without "
            "antialiasing, exif apply",
        ),
    ],
)
def test_what_the_model_does_not_take_is_refused(
    given: ModelCard, data: str | None, source: Component | None, words: str
) -> None:
    assert words in refusal(lambda: data_of(given, data, source))
