"""A store under a URL: a folder, fsspec's one in memory, and a bucket of a local server that speaks S3."""

import dataclasses
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from tests.serving.tiny_bundle import FILE, described
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish
from torchferry.serving.registry.store import Store


@pytest.fixture(scope="session")
def s3(starts_server: None) -> Iterator[str]:
    """Where a local server answers that speaks S3."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new one, in the words of the environment that every client of S3 knows."""
    for name, value in {"ENDPOINT_URL": s3, "ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "me"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    S3FileSystem.clear_instance_cache()  # a client of a server that is gone: the cache does not look at the environment
    name = f"models-{uuid.uuid4().hex}"
    S3FileSystem(skip_instance_cache=True).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(params=["file", "memory", pytest.param("s3", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/some/folder"
    return f"file://{tmp_path}/store" if request.param == "file" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def catalogue(url: str, bundle: Path) -> Catalogue:
    """With version 1.0 of digits."""
    catalogue = Catalogue(Store(url), "digits")
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
