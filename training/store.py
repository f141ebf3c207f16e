"""Files behind any URL of fsspec, such as s3://bucket/runs, in the few words that a run needs."""

import asyncio
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.asyn import AsyncFileSystem

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line

# They have no folders: to make one would make a bucket.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "oss", "oci"}


class StoreError(OSError):
    """A store that fails or refuses, made like any OSError; it can be pickled, as an S3 client's errors cannot."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class Missing(StoreError):
    """There is no such file."""


def _unasked(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for is no message to a user: aiohttp's task that sends an upload may fail on a connection that
    the server has just closed, of which the upload itself says so in its own error, or tries again."""
    logging.getLogger(__name__).debug("%s: %r", context["message"], context.get("exception"))


class Store:
    """Names are below the URL. Raises UserError for a URL that cannot be used, StoreError for what the store does.

    A store of objects puts a file in its place at once, when all of it has arrived; elsewhere an upload may be seen
    half done.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            self.files, self.root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:  # "Install s3fs to access S3"
            raise UserError(f"{url}: needs a package that is missing: {error}") from error
        except Exception as error:  # every file system has errors of its own
            raise UserError(f"{url}: cannot be used: {one_line(error)}") from error
        if isinstance(self.files, AsyncFileSystem):
            self.files.loop.call_soon_threadsafe(self.files.loop.set_exception_handler, _unasked)
        protocol = self.files.protocol
        self._has_folders = OBJECT_STORES.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def read(self, name: str) -> bytes | None:
        """None if there is no such file."""
        try:
            with self._faults(name):
                content: bytes = self.files.cat_file(self._at(name))
        except Missing:
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Nobody ever reads half of it."""
        with self._faults(name):
            target = self._made(name)
            if not self._has_folders:
                self.files.pipe_file(target, content)
                return
            written = f"{target}.{uuid.uuid4().hex}"
            self.files.pipe_file(written, content)
            self.files.mv(written, target)

    def upload(self, source: Path, name: str) -> None:
        with self._faults(name):
            self.files.put_file(str(source), self._made(name))

    def download(self, name: str, target: Path) -> None:
        with self._faults(name):
            self.files.get_file(self._at(name), str(target))

    def remove(self, name: str) -> None:
        """Nothing happens if there is no such file."""
        try:
            with self._faults(name):
                self.files.rm_file(self._at(name))
        except Missing:
            return

    def names(self, folder: str) -> list[str]:
        """Of all files below a folder, from there."""
        with self._faults(folder):
            self.files.invalidate_cache()  # others write there
            start = self._at(folder) + "/"
            return [name.removeprefix(start) for name in self.files.find(start) if name.startswith(start)]

    def _at(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _made(self, name: str) -> str:
        """Where it is, in a folder that is there."""
        if self._has_folders:
            self.files.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
        return self._at(name)

    @contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:  # of a bucket as well
            raise Missing(error.errno, str(error.strerror or error), f"{self.url}/{name}") from error
        except Exception as error:  # every file system has errors of its own
            raise StoreError(0, one_line(error), f"{self.url}/{name}") from error
