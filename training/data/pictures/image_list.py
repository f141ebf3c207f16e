"""Image files that a list names with their labels: a CSV of path and label, and perhaps of split."""

from functools import partial
from pathlib import Path

from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.files.label_list import Columns
from torchferry.training.data.files.list_split import FilesOfList
from torchferry.training.data.pictures.image_files import ImageFiles
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.picture_kind import PICTURES
from torchferry.training.data.source import ImageInput, Source


@checked
@takes_arguments_of(image=image_input)
def image_list(
    path: str,
    image: ImageInput,
    root: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
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
    """Pictures by a list of paths and labels, as competitions ship them: a CSV file with a first line of names.

    The test set is told by a column split, by a list of its own, or by `test_fraction`. Classes are the labels in the
    list, sorted, by number if all are numbers.

    Args:
        path: The list, in CSV or with another delimiter, perhaps compressed by gzip.
        root: The folder that paths are relative to; the list's own if null.
        path_column: The column of paths; null finds path, file, filename or image.
        label_column: The column of labels; null finds label or class.
        split_column: The column that tells `train` from `test`; null finds split.
        delimiter: Between columns; null finds it.
        suffix: Put behind each path, such as .jpg behind ids.
        labels: The classes, in the network's order; null takes those in the list.
        test_path: A list of the test set.
        train: What the split column says of samples to train on.
        test: What it says of samples to test on.
        test_fraction: Share of the pictures that is held out, as image_folder does it.
        split_seed: Decides which ones.
        limit: Takes so many files of each split, evenly from the classes.
        in_memory: Decodes all files at the start; one that cannot be read then ends the run.
    """
    at_least(1, limit=limit)
    listed = FilesOfList(
        PICTURES,
        Path(path).expanduser(),
        None if root is None else Path(root).expanduser(),
        Columns(path_column, label_column, split_column),
        delimiter,
        suffix,
        labels,
    )
    found = listed.split(test_path, train, test, test_fraction, split_seed)
    return found.source(partial(ImageFiles, image=image), image, limit, in_memory)
