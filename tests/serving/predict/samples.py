"""Samples and files that the tests of `predict` are about."""

import io
from pathlib import Path

from PIL import Image

from torchferry.serving.predict.sample import Sample


def row(number: int, text: str = "1,2", names: str = "") -> Sample:
    return Sample("rows.csv", number, "row", f"{text}\n".encode(), names.encode())


def instance(number: int, text: str) -> Sample:
    return Sample("lines.jsonl", number, "instance", text.encode())


def picture(grey: int = 0) -> bytes:
    """A PNG of 2 x 2."""
    file = io.BytesIO()
    Image.new("L", (2, 2), grey).save(file, "png")
    return file.getvalue()


def folder_of_pictures(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture())
    return root
