"""Pictures with boxes by COCO's JSON: https://cocodataset.org/#format-data."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.pictures.boxed_files import BoxedList, Checked, boxed_source, missing_line, wrong_box
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.source import ImageInput, Source

SLACK = 1.0
"""Pixels that a box may lie beyond the picture, which rounding does; it is cut off there."""
PARTS = ("images", "annotations", "categories")


@checked
@takes_arguments_of(image=image_input)
def coco(
    annotations: str,
    image: ImageInput,
    pictures: str | None = None,
    test_annotations: str | None = None,
    test_pictures: str | None = None,
    test_fraction: float | None = None,
    split_seed: int = 0,
    labels: list[str] | None = None,
    limit: int | None = None,
) -> Source:
    """Pictures with boxes by a JSON file of COCO's format, for task detection.

    Boxes are moved with the picture as it is resized, and dropped where less than a pixel of them is left. Crowds
    (iscrowd 1) are left out, and said. A picture without objects is one.

    Args:
        annotations: The JSON file.
        pictures: The folder of the files that it names; null takes the JSON file's own.
        test_annotations: The JSON file of the test set.
        test_pictures: The folder of its files; null takes `pictures`.
        test_fraction: Share of the pictures that is held out, by content alone, where there is no file of the test set.
        split_seed: Decides which ones.
        labels: Names of the categories that are looked for, in the network's order; null takes all by their ids.
        limit: Takes so many pictures of each side, the first ones.
    """
    at_least(1, limit=limit)
    at_least(0, split_seed=split_seed)
    if (test_annotations is None) == (test_fraction is None):
        both = "both are" if test_fraction is not None else "neither is"
        raise UserError(f"{ARGS}.test_annotations, {ARGS}.test_fraction: {both} given; one of them says the test set")
    first = Path(annotations).expanduser()
    folder = first.parent if pictures is None else Path(pictures).expanduser()
    train, names = _read(first, folder, labels)
    test = None
    if test_annotations is not None:
        second = Path(test_annotations).expanduser()
        test, others = _read(second, folder if test_pictures is None else Path(test_pictures).expanduser(), labels)
        if others != names:
            raise UserError(f"{second}: has the categories {some(others)}, and {first} has {some(names)}")
    return boxed_source(train, test, names, image, test_fraction, split_seed, limit)


def _read(path: Path, folder: Path, labels: list[str] | None) -> tuple[BoxedList, tuple[str, ...]]:
    """Its pictures in the order of the file, and the names of what is looked for."""
    content = _content(path)
    images = _by_id(path, "images", content["images"], ("id", "file_name"))
    categories = _by_id(path, "categories", content["categories"], ("id", "name"))
    numbers, names = _numbers(path, {key: str(each["name"]) for key, each in categories.items()}, labels)
    found, damaged, crowds, others = {key: Checked() for key in images}, [], 0, 0
    for key, each in _by_id(path, "annotations", content["annotations"], ("id", "image_id", "category_id")).items():
        if each["image_id"] not in images:
            raise UserError(f"{path}: annotation {key}: there is no picture {each['image_id']}")
        if each["category_id"] not in categories:
            raise UserError(f"{path}: annotation {key}: there is no category {each['category_id']}")
        if each.get("iscrowd"):
            crowds += 1
        elif each["category_id"] not in numbers:
            others += 1
        elif isinstance(box := _box(each, images[each["image_id"]]), str):
            damaged.append(f"{path}: annotation {key}: {box}")
        else:
            found[each["image_id"]].boxes.append(box)
            found[each["image_id"]].labels.append(numbers[each["category_id"]])
    damaged += missing_line(path, folder, [str(each["file_name"]) for each in images.values()])
    notes = [f"{path}: left out {crowds} crowds"] if crowds else []
    notes += [f"{path}: left out {others} objects of other categories"] if others else []
    pictures = [found[key].picture(str(each["file_name"]), _size(each)) for key, each in images.items()]
    return BoxedList(folder, pictures, tuple(notes), tuple(damaged)), names


def _content(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; a JSON file of COCO's format is expected") from error
    except ValueError as error:
        raise UserError(f"{path}: is no JSON: {' '.join(str(error).split())}") from error
    for part in PARTS:
        if not isinstance(content, dict) or not isinstance(content.get(part), list):
            raise UserError(f"{path}: has no list '{part}'; COCO's format has {', '.join(PARTS)}")
    return content


def _by_id(path: Path, part: str, items: Iterable[Any], keys: tuple[str, ...]) -> dict[Any, Mapping[str, Any]]:
    found: dict[Any, Mapping[str, Any]] = {}
    for place, each in enumerate(items):
        if not isinstance(each, dict):
            raise UserError(f"{path}: {part}[{place}] is no object")
        if lacks := [key for key in keys if not isinstance(each.get(key), int | str)]:
            raise UserError(f"{path}: {part}[{place}] (id {each.get('id')}) has no {lacks[0]}")
        if each["id"] in found:
            raise UserError(f"{path}: {part}[{place}]: the id {each['id']} is there twice")
        found[each["id"]] = each
    return found


def _numbers(path: Path, names: Mapping[Any, str], labels: list[str] | None) -> tuple[dict[Any, int], tuple[str, ...]]:
    """Of the categories that are looked for, by id, and their names in that order."""
    if len(twice := set(names.values())) < len(names):
        name = next(each for each in twice if list(names.values()).count(each) > 1)
        raise UserError(f"{path}: two categories are called {name}")
    if labels is None:
        ordered = sorted(names, key=lambda key: (isinstance(key, str), key))
    else:
        ids = {name: key for key, name in names.items()}
        if unknown := [name for name in labels if name not in ids]:
            raise UserError(f"{ARGS}.labels: {path} has no category {unknown[0]}{did_you_mean(unknown[0], ids)}")
        if len(set(labels)) < len(labels) or not labels:
            raise UserError(f"{ARGS}.labels: {labels} are not one or more different names")
        ordered = [ids[name] for name in labels]
    if not ordered:
        raise UserError(f"{path}: has no categories")
    return {key: number for number, key in enumerate(ordered)}, tuple(names[key] for key in ordered)


def _box(annotation: Mapping[str, Any], picture: Mapping[str, Any]) -> list[float] | str:
    """x1, y1, x2, y2, or what is wrong."""
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(_is_number(side) for side in box):
        return f"its bbox is {box}, not [x, y, width, height]"
    x, y, width, height = map(float, box)
    corners = [x, y, x + width, y + height]
    across, down = _size(picture) or (math.inf, math.inf)
    if wrong := wrong_box(corners, across, down, SLACK, f"which is {across:g} x {down:g}"):
        return f"its bbox {box} {wrong}"
    return corners


def _size(picture: Mapping[str, Any]) -> tuple[int, int] | None:
    sides = picture.get("width"), picture.get("height")
    return (int(sides[0]), int(sides[1])) if all(map(_is_number, sides)) else None  # type: ignore[arg-type]  # checked


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
