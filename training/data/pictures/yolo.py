"""Pictures with boxes as YOLO's tools take them: data.yaml, images/ and labels/, a text file of boxes for each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from torchferry.errors import UserError, some
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.files.files_below import files_below, left_out_line
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.pictures.boxed_files import BoxedList, Checked, boxed_source, wrong_box
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.picture_kind import PICTURES
from torchferry.training.data.source import ImageInput, Source

SLACK = 1e-3
"""Of a side, that a box may lie beyond the picture, which rounding does; it is cut off there."""
COLUMNS = 5
FILE = "data.yaml"


@checked
@takes_arguments_of(image=image_input)
def yolo(
    path: str,
    image: ImageInput,
    train: str = "train",
    test: str = "val",
    test_fraction: float | None = None,
    split_seed: int = 0,
    limit: int | None = None,
) -> Source:
    """Pictures with boxes as YOLO's tools take them, for task detection.

    data.yaml has the classes' names and the folders of pictures. The boxes of images/a/b.jpg stand in labels/a/b.txt,
    a line each: class, middle across and down, width, height, as shares of the picture's sides. A picture without such
    a file has no objects.

    Args:
        path: The data.yaml, or the folder that it is in.
        train: The key in data.yaml of the pictures to train on.
        test: The key of those to test on.
        test_fraction: Share of the pictures of `train` that is held out instead, by content alone.
        split_seed: Decides which ones.
        limit: Takes so many pictures of each side, the first ones.
    """
    at_least(1, limit=limit)
    at_least(0, split_seed=split_seed)
    file = Path(path).expanduser()
    file = file / FILE if file.is_dir() else file
    content = _content(file)
    names = _names(file, content.get("names"))
    sides = [_read(_folder(file, content, key), names) for key in (train, *([test] if test_fraction is None else []))]
    return boxed_source(sides[0], sides[1] if len(sides) > 1 else None, names, image, test_fraction, split_seed, limit)


def _content(file: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(file.read_text())
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; a {FILE} with names and folders is expected") from error
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{file}: is no YAML: {one_line(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{file}: has no keys; names, train and val are expected")
    return content


def _names(file: Path, given: Any) -> tuple[str, ...]:
    """A list, or an object by number."""
    if isinstance(given, dict) and sorted(given) == list(range(len(given))):
        given = [given[number] for number in range(len(given))]
    if not isinstance(given, list) or not given:
        raise UserError(f"{file}: names are {given!r}; a list of the classes is expected, or 0: name, 1: name")
    names = tuple(map(str, given))
    if len(set(names)) < len(names):
        raise UserError(f"{file}: two classes are called {next(each for each in names if names.count(each) > 1)}")
    return names


def _folder(file: Path, content: Mapping[str, Any], key: str) -> Path:
    given = content.get(key)
    if not isinstance(given, str):
        found = some([each for each in content if isinstance(content[each], str) and each != "path"])
        raise UserError(f"{file}: has no folder '{key}', but {found or 'none'}; {ARGS}.train and {ARGS}.test name keys")
    root = file.parent / str(content.get("path") or "")
    if (folder := root / given).is_dir():
        return folder
    raise UserError(f"{file}: {key}: {folder} is no folder")


def _read(folder: Path, names: tuple[str, ...]) -> BoxedList:
    root = folder.parent
    pictures = files_below(root, folder.name, PICTURES)
    found, damaged = [], []
    for raw, _ in pictures.found:
        name = raw.decode(errors="surrogateescape")
        checked_boxes, wrong = _lines(_labels_of(root / name), len(names))
        found.append(checked_boxes.picture(name, None))
        damaged += wrong
    return BoxedList(root, found, left_out_line(pictures.left_out, folder, PICTURES), tuple(damaged))


def _labels_of(picture: Path) -> Path:
    """With the last folder called images called labels."""
    parts = list(picture.with_suffix(".txt").parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            return Path(*parts[:place], "labels", *parts[place + 1 :])
    return Path(*parts)


def _lines(file: Path, classes: int) -> tuple[Checked, list[str]]:
    """And a line on each that cannot be."""
    found, wrong = Checked(), list[str]()
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return found, wrong
    except (OSError, ValueError) as error:
        return found, [f"{file}: cannot be read: {one_line(error)}"]
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        read = _line(line, classes)
        if isinstance(read, str):
            wrong.append(f"{file}: line {number}: {read}")
        else:
            found.labels.append(read[0])
            found.boxes.append(read[1])
    return found, wrong


def _line(line: str, classes: int) -> tuple[int, list[float]] | str:
    """The class and x1, y1, x2, y2, or what is wrong."""
    columns = line.split()
    if len(columns) != COLUMNS:
        return f"has {len(columns)} columns; {COLUMNS} are expected: class, x, y, width, height"
    try:
        label, (x, y, width, height) = int(columns[0]), map(float, columns[1:])
    except ValueError:
        return f"'{line.strip()[:60]}' are not numbers: class, x, y, width, height"
    if not 0 <= label < classes:
        return f"class {label} is none of the {classes}, 0 to {classes - 1}"
    box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    wrong = wrong_box(box, 1.0, 1.0, SLACK, "whose sides count as 1")
    return f"its box {wrong}" if wrong else (label, box)
