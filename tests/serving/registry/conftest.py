"""A catalogue in a store, and bundles to publish there."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.serving.tiny_bundle import FILE, described
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish


@pytest.fixture
def catalogue(url: str, bundle: Path) -> Catalogue:
    """With version 1.0 of digits."""
    catalogue = Catalogue(ObjectStore(url), "digits")
    publish(bundles.load(bundle), catalogue)
    return catalogue


def version(bundle: Path, folder: Path, name: str) -> Bundle:
    """The same bundle under another version."""
    shutil.copytree(bundle, folder)
    bundles.write(dataclasses.replace(bundles.load(folder), version=name))
    return bundles.load(folder)


def written(root: Path, content: bytes, **change: Any) -> Bundle:
    """A tiny bundle on the disk, with one variant whose file holds `content`."""
    file = root / FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    bundles.write(described(root, files=bundles.checksums(root), **change))
    return bundles.load(root)
