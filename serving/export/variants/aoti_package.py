"""A package of AOTInductor's without what only the machine that compiled it can use: its sources, and the paths that
stand in its libraries."""

import os
import re
import sys
import tempfile
import zipfile
from pathlib import Path

import torch

CACHE = "TORCHINDUCTOR_CACHE_DIR"
"""Where torch compiles, if not in the temporary folder."""


def strip_package(path: Path) -> None:
    """Loading takes the libraries and what says how they are called; of sources torch has put the compiler's whole
    command line into a comment."""
    bare = path.with_suffix(".bare")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bare, "w") as made:
        for entry in source.infolist():
            if not entry.filename.endswith(".cpp"):
                content = source.read(entry)
                made.writestr(entry, without_folders(content) if entry.filename.endswith(".so") else content)
    bare.replace(path)


def without_folders(library: bytes) -> bytes:
    """Slashes stand for them, since nothing in it may move; names of files stay. Texts alone are looked at, which have
    a zero on both sides: weights may hold any bytes."""
    here = [os.path.dirname(torch.__path__[0]), sys.prefix, sys.base_prefix, tempfile.gettempdir()]
    if cache := os.environ.get(CACHE):
        here.append(cache)
    places = b"|".join(re.escape(os.fsencode(place)) for place in here)
    folder = rb"(?<=\0)(?:" + places + rb")/(?:[\w.+@-]+/)*(?=[\w.+@-]*\0)"
    return re.sub(folder, lambda found: b"/" * len(found[0]), library)
