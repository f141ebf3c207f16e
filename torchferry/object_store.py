"""Files below any URL of fsspec (file, memory, s3, gs, ...): of runs, and of published bundles."""

import asyncio
import errno
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torchferry.errors import Missing, StoreError, StoreRefused, UserError

CHUNK = 1 << 20
# They put whole objects in place at once, and have no folders: to make one would make a bucket.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "oss", "oci"}
# A file of these can be read while it is being written; it gets its name afterwards. Not all others let a rename
# replace a file: HDFS answers that it has not, and its driver does not tell.
RENAMING = {"file", "local", "sftp", "ssh"}
CREATING = {"s3", "s3a", "gs", "gcs", "memory"}
"""Their drivers can write a file only if there is none."""
CANNOT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
"""What a store answers that has no such call: an older S3, or a disk without hard links."""
REFUSALS = (PermissionError, NotADirectoryError, FileExistsError)


class ObjectStore:
    """Paths are relative to the URL. Raises UserError for a URL that cannot be used, StoreError for what the store
    does: Missing where there is no such file, StoreRefused where another try would not help."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            import fsspec
            from fsspec.asyn import AsyncFileSystem

            self.files, self.root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:  # "Install s3fs to access S3"
            raise UserError(f"{url}: needs a package that is missing: {error}") from error
        except (OSError, EOFError) as error:  # some connect at once
            raise StoreError(getattr(error, "errno", 0) or 0, _one_line(error), self.url) from error
        except Exception as error:  # every file system has errors of its own
            raise UserError(f"{url}: cannot be used: {_one_line(error)}") from error
        if isinstance(self.files, AsyncFileSystem):
            # fsspec's loop runs in a thread of its own.
            self.files.loop.call_soon_threadsafe(self.files.loop.set_exception_handler, _unasked)
        protocol = self.files.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)
        self._folders = self._protocols.isdisjoint(OBJECT_STORES)
        self._renames = not self._protocols.isdisjoint(RENAMING)

    @property
    def exclusive(self) -> bool:
        """Whether `create` is one step, so that of two processes one alone has made the file."""
        return not self._protocols.isdisjoint(CREATING | {"file", "local"})

    def read(self, path: str) -> bytes | None:
        """None if there is no such file."""
        try:
            with self._faults(path):
                content: bytes = self.files.cat_file(self._at(path))
        except Missing:
            return None
        return content

    def write(self, path: str, content: bytes) -> None:
        """Nobody ever reads half of it."""
        self._put(path, lambda target: self.files.pipe_file(target, content))

    def create(self, path: str, content: bytes) -> None:
        """`write`, but what is there stays, even if somebody else writes it at this moment.

        In one step on a disk, S3 and Google's; elsewhere, and where a store has no such call, it looks first.
        """
        if self.size(path) is not None:
            return
        with self._faults(path):
            try:
                self._create(self._made(path), content)
            except FileExistsError:
                return
            except OSError as error:
                # The last is s3fs's word for 412, if a store does not say which condition failed, and for 400.
                if error.errno not in (*CANNOT, errno.EINVAL):
                    raise
                if self.read(path) is None:
                    self.write(path, content)

    def upload(self, source: Path, path: str) -> None:
        self._put(path, lambda target: self.files.put_file(str(source), target))

    def download(self, path: str, target: Path) -> None:
        with self._faults(path):
            self.files.get_file(self._at(path), str(target))

    def remove(self, path: str) -> None:
        """Nothing happens if there is no such file."""
        try:
            with self._faults(path):
                self.files.rm_file(self._at(path))
        except Missing:
            return

    def size(self, path: str) -> int | None:
        """In bytes; None if there is no such file."""
        try:
            with self._faults(path):
                return int(self.files.info(self._at(path))["size"])
        except Missing:
            return None

    def names(self, folder: str) -> list[str]:
        """The sorted names in a folder; none where there is no such folder."""
        try:
            with self._faults(folder):
                self.files.invalidate_cache()  # others write there
                found = self.files.ls(self._at(folder), detail=False)
        except Missing:
            return []
        return sorted(name.rstrip("/").rpartition("/")[2] for name in found)

    def paths(self, folder: str) -> list[str]:
        """Of all files below a folder, from there."""
        with self._faults(folder):
            self.files.invalidate_cache()
            start = self._at(folder) + "/"
            return [name.removeprefix(start) for name in self.files.find(start) if name.startswith(start)]

    def chunks(self, path: str, start: int) -> Iterator[bytes]:
        """The file's bytes from `start` on."""
        with self._faults(path), self.files.open(self._at(path), "rb") as file:
            file.seek(start)
            while chunk := file.read(CHUNK):
                yield chunk

    def _create(self, target: str, content: bytes) -> None:
        if self._protocols & {"file", "local"}:
            # A link is made only where there is none, and shows the whole file at once; a rename would replace.
            written = _beside(target)
            self.files.pipe_file(written, content)
            try:
                self.files.link(written, target)
            except OSError as error:
                if error.errno not in CANNOT:
                    raise
                with open(target, "xb") as file:  # a disk without links shows it before it is whole
                    file.write(content)
            finally:
                self.files.rm_file(written)  # the file stays under the name of the link
        elif self._protocols & CREATING:
            self.files.pipe_file(target, content, mode="create")
        else:
            raise OSError(errno.ENOSYS, "cannot write only what is new")

    def _put(self, path: str, write: Callable[[str], None]) -> None:
        with self._faults(path):
            target = self._made(path)
            if not self._renames:
                write(target)
                return
            written = _beside(target)
            write(written)
            self.files.mv(written, target)

    def _made(self, path: str) -> str:
        """Where it is, in a folder that is there."""
        target = self._at(path)
        if self._folders:
            self.files.makedirs(target.rpartition("/")[0], exist_ok=True)
        return target

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}"

    @contextmanager
    def _faults(self, path: str) -> Iterator[None]:
        where = f"{self.url}/{path}"
        try:
            yield
        except StoreError:
            raise
        except FileNotFoundError as error:  # of a bucket as well
            raise Missing(error.errno, _one_line(error), where) from error
        except REFUSALS as error:
            raise StoreRefused(error.errno, _one_line(error), where) from error
        except Exception as error:  # every file system has errors of its own
            raise StoreError(0, _one_line(error), where) from error


def _unasked(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for is no message to a user: aiohttp's task that sends an upload may fail on a connection that
    the server has just closed, of which the upload itself says so in its own error, or tries again."""
    logging.getLogger(__name__).debug("%s: %r", context["message"], context.get("exception"))


def _beside(target: str) -> str:
    return f"{target.rpartition('/')[0]}/.{uuid.uuid4().hex}"


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
