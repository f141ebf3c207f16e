"""magika says what kind of file some bytes are: a row of 2,048 bytes, of the file's beginning and end."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.serving.others.replaced import Replace, Session, asked_of

CONFIG = "models/standard_v3_3/config.min.json"


def _package() -> Path:
    import magika

    return Path(magika.__file__).parent


def files() -> list[bytes]:
    """Files that the package itself has, and short ones of other kinds."""
    own = [(_package() / name).read_bytes() for name in ("magika.py", CONFIG, "models/standard_v3_3/model.onnx")]
    written = [
        b'#include <stdio.h>\nint main(void) {\n    printf("hello\\n");\n    return 0;\n}\n',
        b"<!DOCTYPE html>\n<html><head><title>A page</title></head><body><p>Text</p></body></html>\n",
        b"name,age,city\n" + b"Ada,36,London\nAlan,41,Wilmslow\n" * 8,
        b'FROM debian:13\nRUN apt-get update && apt-get install -y python3\nCMD ["python3"]\n',
    ]
    return own + written


def example(replace: Replace) -> Any:
    from magika import Magika

    found = Magika()
    found._onnx_session = Session(found._onnx_session, replace)
    results = [found.identify_stream(io.BytesIO(content)) for content in files()]
    return [(str(each.dl.label), str(each.output.label), float(each.score)) for each in results]


def options(folder: Path) -> list[str]:
    """Labels, and what it is judged by: the bytes of those files, and what the package says they are."""
    labels = json.loads((_package() / CONFIG).read_text())["target_labels_space"]
    (folder / "types.txt").write_text("\n".join(labels))
    rows = np.concatenate([row for (row,) in asked_of(example)])
    targets = [labels.index(label) for label, *_ in example(lambda run: run)]
    np.savez(folder / "files.npz", bytes=rows, targets=np.array(targets))
    return ["--labels", str(folder / "types.txt"), "--eval-data", str(folder / "files.npz")]
