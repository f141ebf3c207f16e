"""Pictures with masks: ROOT/train/images and ROOT/train/masks, and the same of test; or both in ROOT."""

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from torchferry.contract.tasks.segmentation import MOST_LABELS
from torchferry.errors import UserError, some
from torchferry.training.data.arguments import checked, takes_arguments_of
from torchferry.training.data.decode import decode_image
from torchferry.training.data.files.file_keys import file_keys
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.files_below import files_below, left_out_line
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.membership import held_out
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.mask_file import decode_mask
from torchferry.training.data.pictures.picture_kind import PICTURES
from torchferry.training.data.source import ImageInput, Listing, Source


@checked
@takes_arguments_of(image=image_input)
def image_masks(
    root: str,
    labels: list[str] | int,
    image: ImageInput,
    images: str = "images",
    masks: str = "masks",
    train: str = "train",
    test: str = "test",
    test_fraction: float | None = None,
    split_seed: int = 0,
    ignore_index: int = 255,
) -> Source:
    """Pictures and their masks, whose pixels are classes: ROOT/train/images/a.jpg and ROOT/train/masks/a.png.

    A mask has its picture's name, with any ending, its size, and one number from 0 to 255 for each pixel, in grey or
    with a palette.

    Args:
        root: The folder.
        labels: The classes' names, in the order of their numbers; a number names them 0, 1, ...
        images: The folder of pictures, in each split's.
        masks: The folder of masks beside it.
        train: The folder in `root` to train on.
        test: The folder in `root` to test on.
        test_fraction: Takes `images` and `masks` in `root` itself, and holds this share out, by content alone; with 0
            the test set is the training set.
        split_seed: Decides which ones.
        ignore_index: What a mask says of pixels that are neither learnt nor judged, and bars beside a padded picture
            become; 256, which no pixel is, where all count.
    """
    names = tuple(map(str, range(labels))) if isinstance(labels, int) else tuple(labels)
    if len(names) < 2 or len(set(names)) != len(names):
        raise UserError(f"{ARGS}.labels: {labels} are not two different classes or more")
    _check_ignored(ignore_index, len(names), image)
    folder = Path(root).expanduser()
    if test_fraction is None:
        trained, notes = _listed(folder / train, images, masks)
        tested, also = _listed(folder / test, images, masks)
    else:
        trained, notes = _listed(folder, images, masks)
        trained, tested, also = *_divided(trained, test_fraction, split_seed), ()
    sides = [Masked(side, image, ignore_index) for side in (trained, tested)]
    return Source(
        train=sides[0],
        test=sides[1],
        labels=names,
        input=image,
        targets="masks",
        ignore_index=ignore_index,
        listings={"train": trained.listing(), "test": tested.listing()},
        notes=(*notes, *also),
    )


def _check_ignored(index: int, labels: int, image: ImageInput) -> None:
    if not labels <= index <= MOST_LABELS:
        raise UserError(f"{ARGS}.ignore_index: {index} is not from {labels}, the number of labels, to {MOST_LABELS}")
    if index == MOST_LABELS and image.resize == "pad":
        raise UserError(f"{ARGS}.ignore_index: {index} is no pixel's, which bars beside a padded picture need; give "
                        "less, or resize squash or crop")  # fmt: skip


class Pairs:
    """Names of pictures and of their masks, relative to a folder."""

    def __init__(self, folder: Path, pictures: FileList, masks: FileList) -> None:
        self.folder, self.pictures, self.masks = folder, pictures, masks

    def taken(self, indices: np.ndarray) -> "Pairs":
        return Pairs(self.folder, self.pictures.taken(indices), self.masks.taken(indices))

    def listing(self) -> Listing:
        both = (self.pictures.listing().sha256, self.masks.listing().sha256)
        return Listing(samples=len(self.pictures), sha256=hashlib.sha256(" ".join(map(str, both)).encode()).hexdigest())


class Masked(Dataset):
    """uint8 [channels, height, width] and the mask, uint8 [height, width]. Raises CorruptSample, which names the file,
    and UserError for a mask of another picture."""

    deterministic = True

    def __init__(self, pairs: Pairs, image: ImageInput, fill: int) -> None:
        self.pairs, self.image, self.fill = pairs, image, fill

    def __len__(self) -> int:
        return len(self.pairs.pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        (picture_name, picture), (mask_name, mask) = (
            files.read(self.pairs.folder, index) for files in (self.pairs.pictures, self.pairs.masks)
        )
        decoded = decode_image(picture, self.image, picture_name)
        return decoded, decode_mask(mask, picture, self.image, self.fill, mask_name)

    def keys(self) -> np.ndarray:
        """uint64 [samples]: hashes of what the pictures hold."""
        return file_keys(self.pairs.folder, self.pairs.pictures)


def _listed(folder: Path, images: str, masks: str) -> tuple[Pairs, tuple[str, ...]]:
    """And a line on what is left out. Raises UserError for a picture without a mask."""
    for each in (images, masks):
        if not (folder / each).is_dir():
            raise UserError(f"{folder / each}: is no folder; {images}/a.jpg and {masks}/a.png are expected in {folder}")
    pictures, found = (files_below(folder, each, PICTURES) for each in (images, masks))
    by_stem = {_stem(name, masks): (name, size) for name, size in found.found}
    if len(by_stem) < len(found.found):
        raise UserError(f"{folder / masks}: has {len(found.found) - len(by_stem)} masks of a name that another has too")
    if not pictures.found:
        raise UserError(f"{folder / images}: has no pictures")
    for name, _ in pictures.found:
        if _stem(name, images) not in by_stem:
            mask = folder / masks / f"{os.fsdecode(_stem(name, images))}.png"
            raise UserError(f"{folder / os.fsdecode(name)}: has no mask; {mask} is expected")
    paired = [by_stem.pop(_stem(name, images)) for name, _ in pictures.found]
    beside = [f"{folder}: left out {len(by_stem)} masks without a picture: {_some(list(by_stem))}"] if by_stem else []
    lists = [
        FileList.of([name for name, _ in each], [size for _, size in each], 0) for each in (pictures.found, paired)
    ]
    notes = left_out_line([*pictures.left_out, *found.left_out], folder, PICTURES)
    return Pairs(folder, *lists), (*notes, *beside)


def _stem(name: bytes, folder: str) -> bytes:
    return name.removeprefix(os.fsencode(folder) + b"/").rpartition(b".")[0]


def _some(names: list[bytes]) -> str:
    return some([os.fsdecode(name) for name in names], 3)


def _divided(pairs: Pairs, fraction: float, seed: int) -> tuple[Pairs, Pairs]:
    if not 0 <= fraction < 1:
        raise UserError(f"{ARGS}.test_fraction: {fraction} is not 0 or more and below 1")
    if fraction == 0:
        return pairs, pairs
    held = held_out(file_keys(pairs.folder, pairs.pictures), fraction, seed)
    if held.all() or not held.any():
        raise UserError(f"{ARGS}.test_fraction: {fraction} puts all {len(held)} pictures on one side; give another")
    return pairs.taken(np.flatnonzero(~held)), pairs.taken(np.flatnonzero(held))
