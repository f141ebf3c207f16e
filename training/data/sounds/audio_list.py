"""Sound files that a list names with their labels: a CSV of path and label, and perhaps of split and of group."""

from functools import partial
from pathlib import Path

from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.files.label_list import Columns
from torchferry.training.data.files.list_split import FilesOfList
from torchferry.training.data.sounds.sound_files import SoundFiles
from torchferry.training.data.sounds.sound_input import sound_input
from torchferry.training.data.sounds.sound_kind import SOUNDS
from torchferry.training.data.source import Source
from torchferry.training.data.varying_inputs import AudioInput


@checked
@takes_arguments_of(audio=sound_input)
def audio_list(
    path: str,
    audio: AudioInput,
    root: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    delimiter: str | None = None,
    suffix: str = "",
    labels: list[str] | None = None,
    test_path: str | None = None,
    train: str = "train",
    test: str = "test",
    test_fraction: float | None = None,
    split_seed: int = 0,
    limit: int | None = None,
    in_memory: bool = False,
) -> Source:
    """Sounds by a list of paths and labels: a CSV file with a first line of names.

    The test set is told by a column split, by a list of its own, or by `test_fraction`. Classes are the labels in the
    list, sorted, by number if all are numbers.

    Args:
        path: The list, in CSV or with another delimiter, perhaps compressed by gzip.
        root: The folder that paths are relative to; the list's own if null.
        path_column: The column of paths; null finds path, file, filename or audio.
        label_column: The column of labels; null finds label or class.
        split_column: The column that tells `train` from `test`; null finds split.
        group_column: The column that says what belongs together, such as the speaker; test set, validation part and
            folds then hold whole groups.
        delimiter: Between columns; null finds it.
        suffix: Put behind each path, such as .wav behind ids.
        labels: The classes, in the network's order; null takes those in the list.
        test_path: A list of the test set.
        train: What the split column says of samples to train on.
        test: What it says of samples to test on.
        test_fraction: Share of the sounds that is held out, as audio_folder does it.
        split_seed: Decides which ones.
        limit: Takes so many files of each split, evenly from the classes.
        in_memory: Decodes all files at the start; one that cannot be read then ends the run.
    """
    at_least(1, limit=limit)
    listed = FilesOfList(
        SOUNDS,
        Path(path).expanduser(),
        None if root is None else Path(root).expanduser(),
        Columns(path_column, label_column, split_column, group_column),
        delimiter,
        suffix,
        labels,
    )
    found = listed.split(test_path, train, test, test_fraction, split_seed)
    return found.source(partial(SoundFiles, audio=audio), audio, limit, in_memory)
