"""Pictures in pairs that are the same or different: a CSV of two files, as LFW and signature matching have them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch.utils.data import Dataset

from torchferry.errors import UserError
from torchferry.training.data.arguments import checked, takes_arguments_of
from torchferry.training.data.decode import decode_image
from torchferry.training.data.files.file_keys import file_keys
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.pictures.image_files import ImageFiles
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.pair_list import Pair, PairColumns, read_pairs
from torchferry.training.data.source import ImageInput, Source


@checked
@takes_arguments_of(image=image_input)
def image_pairs(
    path: str,
    test_path: str,
    image: ImageInput,
    root: str | None = None,
    first_column: str | None = None,
    second_column: str | None = None,
    same_column: str | None = None,
    delimiter: str | None = None,
    targets: Literal["classes", "pairs"] = "classes",
) -> Source:
    """Pairs of pictures, by a CSV file with a first line of names, for tasks embedding and verification.

    Two ways are usual. Retrieval lists an anchor and a positive, and all others are negatives: task embedding, judged
    by recall. Verification (faces, signatures) lists two files and whether they are the same: task verification, judged
    by the accuracy over the listed pairs at the best cosine. Either is learnt by classes: files that pairs call the
    same, directly or by way of others, are one, and a file that is the same as none is one by itself.

    Args:
        path: The list to train on.
        test_path: The list to test on, of other files.
        root: The folder that paths are relative to; null takes that of the list of training.
        first_column: One column of paths; null finds anchor, first, path1, file1 or image1.
        second_column: The other; null finds positive, second, path2, file2 or image2.
        same_column: Whether a pair is the same: 1 or 0, same or different, true or false, yes or no; null finds same,
            is_same, match or label, and where none is there all pairs are the same.
        delimiter: Between columns; null finds it.
        targets: classes, or pairs for verification; the task decides.
    """
    lists = [Path(each).expanduser() for each in (path, test_path)]
    folder = lists[0].parent if root is None else Path(root).expanduser()
    columns = PairColumns(first_column, second_column, same_column)
    train, test = (read_pairs(each, columns, delimiter) for each in lists)
    _check_apart(train, test, lists)
    group_of = _groups([*train, *test])
    for listed, pairs in zip(lists, (train, test), strict=True):
        _check_different(listed, pairs, group_of)
        _check_there(listed, folder, pairs)
    labels = tuple(dict.fromkeys(group_of.values()))
    numbers = {label: number for number, label in enumerate(labels)}
    classes = {file: numbers[label] for file, label in group_of.items()}
    both = [_data(folder, pairs, classes, image, targets) for pairs in (train, test)]
    return Source(
        train=both[0],
        test=both[1],
        labels=labels,
        input=image,
        targets=targets,
        listings={name: each.files.listing() for name, each in zip(("train", "test"), both, strict=True)},
    )


class PairedFiles(Dataset):
    """Both files of one pair after the other: uint8 [channels, height, width], and int64 [3], the class, the number of
    the pair and whether it is the same. Raises CorruptSample, which names the file."""

    deterministic = True

    def __init__(self, folder: Path, files: FileList, same: np.ndarray, image: ImageInput) -> None:
        self.folder, self.files, self.same, self.image = folder, files, same, image

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        name, data = self.file(index)
        target = [int(self.files.classes[index]), index // 2, int(self.same[index // 2])]
        return decode_image(data, self.image, name), torch.tensor(target)

    def file(self, index: int) -> tuple[str, bytes]:
        """Its path, and what it holds."""
        return self.files.read(self.folder, index)

    def keys(self) -> np.ndarray:
        """uint64 [samples]: hashes of what the files hold."""
        return file_keys(self.folder, self.files)


def _data(
    folder: Path, pairs: list[Pair], classes: Mapping[str, int], image: ImageInput, targets: str
) -> ImageFiles | PairedFiles:
    named = [name for pair in pairs for name in (pair.first, pair.second)]
    if targets == "classes":
        named = list(dict.fromkeys(named))
    sizes = [(folder / name).stat().st_size for name in named]
    files = FileList.of([os.fsencode(name) for name in named], sizes, [classes[name] for name in named])
    if targets == "classes":
        return ImageFiles(folder, files, image)
    return PairedFiles(folder, files, np.array([pair.same for pair in pairs]), image)


def _groups(pairs: list[Pair]) -> dict[str, str]:
    """By file its group: the first file of those that are the same."""
    parent: dict[str, str] = {}

    def first_of(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]  # halves the way for those that come later
        return name

    for pair in pairs:
        one, other = first_of(pair.first), first_of(pair.second)
        if pair.same and one != other:
            parent[other] = one
    return {name: first_of(name) for name in parent}


def _check_different(listed: Path, pairs: list[Pair], group_of: Mapping[str, str]) -> None:
    for pair in pairs:
        if not pair.same and group_of[pair.first] == group_of[pair.second]:
            raise UserError(f"{listed}: line {pair.line}: {pair.first} and {pair.second} are different here, and the "
                            "same by other lines")  # fmt: skip


def _check_apart(train: list[Pair], test: list[Pair], lists: list[Path]) -> None:
    trained = {name: pair.line for pair in train for name in (pair.first, pair.second)}
    for pair in test:
        for name in (pair.first, pair.second):
            if name in trained:
                raise UserError(
                    f"{name} is in both lists, {lists[0]} line {trained[name]} and {lists[1]} line {pair.line}"
                )


def _check_there(listed: Path, folder: Path, pairs: list[Pair]) -> None:
    for pair in pairs:
        for name in (pair.first, pair.second):
            if not (folder / name).is_file():
                raise UserError(
                    f"{listed}: line {pair.line}: there is no file {folder / name}; paths are relative to root"
                )
