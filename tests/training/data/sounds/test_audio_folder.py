"""Sounds in class folders."""

from pathlib import Path

import pytest

from tests.training.data.sounds.spoken import spoken
from tests.training.data.sources import refusal, source
from torchferry.training.data.held_apart import validation_part
from torchferry.training.data.source import Source
from torchferry.training.data.varying_inputs import AudioInput

BY_PERSON = r"([^/_]+)_[^/]*$"
PEOPLE = "abcdefghijkl"


def people(samples: object) -> set[str]:
    files = samples.files  # type: ignore[attr-defined]
    return {files.name(index).decode().rpartition("/")[2][0] for index in range(len(files))}


def test_folders_of_both_sides(tmp_path: Path) -> None:
    spoken(tmp_path / "train", "abc")
    spoken(tmp_path / "test", "d", format="FLAC")
    found = source("audio_folder", root=str(tmp_path), rate=8_000)
    assert (found.labels, found.train_size, found.test_size) == (("high", "low"), 12, 4)
    assert isinstance(found.input, AudioInput)
    assert found.input.rate == 8_000
    assert [len(found.test[index][0]) for index in (0, 1)] == [800, 808]
    assert found.listings["train"].samples == 12


@pytest.mark.parametrize("in_memory", [False, True])
def test_held_out_people_say_nothing_in_training(in_memory: bool, tmp_path: Path) -> None:
    args = {"root": str(spoken(tmp_path, PEOPLE)), "test_fraction": 0.3, "group": BY_PERSON}
    found: Source = source("audio_folder", **args)
    assert people(found.train) | people(found.test) == set(PEOPLE)
    assert not people(found.train) & people(found.test)
    kept: Source = source("audio_folder", in_memory=in_memory, **args)
    assert kept.keys is not None
    rest, part = validation_part(kept, 0.4)
    assert rest.keys is not None
    assert len(part) == 4 * (len(people(found.train)) - len(set(rest.keys.tolist())))  # type: ignore[arg-type]


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    words = refusal(lambda: source("audio_folder", root=str(tmp_path)))
    assert words.startswith(f"{tmp_path}/train: No such file or directory; train/CLASS/*.wav is expected in {tmp_path}")
    (tmp_path / "low").mkdir()
    (tmp_path / "low" / "notes.txt").write_text("no sound")
    words = refusal(lambda: source("audio_folder", root=str(tmp_path), test_fraction=0.5))
    assert words == (
        f"{tmp_path}: class low has no sound to train on; WAV, FLAC, OGG, MP3 are read; "
        f"{tmp_path}: left out 1 file that is no sound: low/notes.txt"
    )
    words = refusal(lambda: source("audio_folder", root=str(tmp_path), test_fraction=0.5, group="x"))
    assert words.startswith("data.source.args.group: 'x' has 0 parts in parentheses")
