"""Held-out samples become files that a server takes, with a table of what each is and what the model says of it."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from torchferry.contract.image import CHANNELS, decode_image
from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.regression import Regression
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.source import ImageInput, TensorInput
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.saved import ModelCard, load_model, save_model
from torchferry.training.outputs.sample_images import _write, main, write_samples

GREY = ImageInput(mode="L", height=8, width=8, mean=(0.0,), std=(1.0,))
LABELS = ("nought", "one/two", "..", *map(str, range(3, 10)))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished one, of images that are all of one shade; its network takes everything for a `one/two`."""
    network = flat()
    network.load_state_dict({"1.weight": torch.zeros(10, 64), "1.bias": torch.eye(10)[1]})
    return saved(tmp_path / "run", network)


def saved(run: Path, network: nn.Sequential, **changes: Any) -> Path:
    split = {"name": "tests.training.nets.Slow", "args": {"size": 12, "seconds": 0}}
    data = {"train": split, "test": split, "labels": list(LABELS), "image": {"mode": "L", "height": 8, "width": 8}}
    given: dict[str, Any] = {"task": Classification(labels=LABELS), "input": GREY}
    card = ModelCard(
        name="run",
        network=Component(name="tests.training.outputs.test_sample_images.flat"),
        data=Component(name="dataset", args=data),
        result={},
        step=1,
        torch="2",
        **given | changes,
    )
    run.mkdir()
    save_model(run / "model", Normalized(network, card.input), card)
    return run


def flat() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def test_each_sample_is_the_very_image_in_the_folder_of_its_label(run: Path, tmp_path: Path) -> None:
    assert write_samples(run, tmp_path / "out", 5) == 5
    with (tmp_path / "out" / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == list(LABELS[:5])
    assert {row["predicted"] for row in rows} == {"one/two"}
    assert rows[3]["file"] == "3/00003.png"
    with Image.open(tmp_path / "out" / rows[3]["file"]) as image:
        assert (image.mode, np.unique(np.asarray(image)).tolist()) == ("L", [3])


@pytest.mark.parametrize(
    "said",
    [
        {"resize": "crop", "fraction": 0.8, "interpolation": "bicubic"},
        {"resize": "squash", "fraction": 0.5},
        {"resize": "pad", "fill": (3,)},
    ],
)
def test_a_server_that_crops_a_file_sees_the_sample(said: dict[str, Any], tmp_path: Path) -> None:
    run = saved(tmp_path / "run", flat(), input=replace(GREY, **said))
    sample = np.arange(64, dtype=np.uint8).reshape(1, 8, 8) * 4
    card = load_model(run)[1]
    _write(tmp_path, [(torch.from_numpy(sample), 3)], [0], card)
    assert isinstance(card.input, ImageInput)
    np.testing.assert_array_equal(decode_image((tmp_path / "3" / "00000.png").read_bytes(), card.input), sample)


@pytest.mark.parametrize(("mode", "file"), [("RGBA", "00000.png"), ("LA", "00000.png"), ("CMYK", "00000.tiff")])
def test_pictures_with_more_channels_are_files_that_keep_them(mode: Any, file: str, tmp_path: Path) -> None:
    channels = CHANNELS[mode]
    given = ImageInput(mode=mode, height=8, width=8, mean=(0.0,) * channels, std=(1.0,) * channels)
    card = load_model(saved(tmp_path / "run", flat(), input=given))[1]
    sample = np.arange(64 * channels, dtype=np.uint8).reshape(channels, 8, 8)
    _write(tmp_path, [(torch.from_numpy(sample), 3)], [0], card)
    np.testing.assert_array_equal(decode_image((tmp_path / "3" / file).read_bytes(), given), sample)


def test_a_label_cannot_lead_out_of_the_folder(run: Path, tmp_path: Path) -> None:
    write_samples(run, tmp_path / "out" / "deep", 3)
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert found == {"deep/nought/00000.png", "deep/one_two/00001.png", "deep/_/00002.png"}


def test_it_writes_what_there_is_where_it_is_asked_to(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(run)])
    assert capsys.readouterr().out == f"12 images and samples.csv in {run}/samples\n"
    assert len(list((run / "samples").rglob("*.png"))) == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{run} --count 0", "--count: 0 is too small; give 1 or more"),
        ("{run} --output {run}", "run: exists already and is left as it is; give another with --output"),
        ("{run} --output {run}/model/model.yaml/x", r"model\.yaml: cannot be made \(File exists\); give another"),
        ("{run} --output /proc/nowhere/x", "/proc/nowhere: cannot be made"),
        ("{run}/model", "is not a finished run folder"),
        ("{run} --colour red", "unrecognized arguments: --colour red; .* --help says more"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(arguments: str, words: str, run: Path) -> None:
    with pytest.raises(UserError, match=words) as refused:
        main(arguments.format(run=run).split())
    assert "\n" not in str(refused.value)
    assert [path.name for path in run.parent.iterdir()] == ["run"]
    assert [path.name for path in run.iterdir()] == ["model"]


@pytest.mark.parametrize("changes", [{"task": Regression(labels=LABELS)}, {"input": TensorInput(shape=(64,))}])
def test_only_classified_images_are_written(changes: dict[str, Any], tmp_path: Path) -> None:
    run = saved(tmp_path / "run", flat(), **changes)
    with pytest.raises(UserError, match="only classified images can be written as files"):
        write_samples(run, tmp_path / "out", 5)
