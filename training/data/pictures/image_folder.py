"""Image files in one folder per class: ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg."""

from functools import partial
from pathlib import Path

from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.files.folder_split import split_by_folders, split_of_classes
from torchferry.training.data.pictures.image_files import ImageFiles
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.picture_kind import PICTURES
from torchferry.training.data.source import ImageInput, Source


@checked
@takes_arguments_of(image=image_input)
def image_folder(
    root: str,
    image: ImageInput,
    train: str = "train",
    test: str = "test",
    test_fraction: float | None = None,
    split_seed: int = 0,
    suffixes: list[str] | None = None,
    limit: int | None = None,
    in_memory: bool = False,
) -> Source:
    """Pictures in class folders: ROOT/train/CLASS and ROOT/test/CLASS, or ROOT/CLASS with `test_fraction`.

    Classes are the sorted folder names. A file is taken for its name's ending, or for its first bytes where it has no
    picture's ending, and decoded by its content; what is left out is said.

    Args:
        root: The folder.
        train: The folder in `root` with the class folders to train on.
        test: The folder in `root` with those to test on.
        test_fraction: Share of the pictures, 0 to below 1, that is held out, by content alone: equal files are on one
            side, and none changes sides when others come or go or are renamed. With 0 the test set is the training set.
        split_seed: Decides which ones.
        suffixes: Endings of the files that are taken, such as [jpg]; null goes by content.
        limit: Takes so many files of each split, evenly from the classes.
        in_memory: Decodes all files at the start; one that cannot be read then ends the run.
    """
    at_least(1, limit=limit)
    folder = Path(root).expanduser()
    if test_fraction is None:
        found = split_by_folders(folder, PICTURES, train, test, suffixes)
    else:
        found = split_of_classes(folder, PICTURES, test_fraction, split_seed, suffixes)
    return found.source(partial(ImageFiles, image=image), image, limit, in_memory)
