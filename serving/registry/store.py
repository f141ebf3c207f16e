"""A folder behind any fsspec URL (file, memory, s3, gs, ...), with the operations that a registry needs."""

import errno
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torchferry.errors import ServerFault, UserError

CHUNK = 1 << 20
# A file of these can be read while it is being written; it gets its name afterwards.
RENAMING = {"file", "local", "sftp", "ssh"}
# They put whole objects in place at once, and have no folders: to make one would make a bucket.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "oss", "oci"}
CREATING = {"s3", "s3a", "gs", "gcs", "memory"}
"""Their drivers can write a file only if there is none."""
CANNOT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
"""What a store answers that has no such call: an older S3, or a disk without hard links."""


class Store:
    """Paths are relative to the URL. Raises UserError for a URL that cannot be used, ServerFault for a store that
    fails."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            import fsspec
        except ImportError as error:
            raise UserError("fsspec is not installed; pip install 'torchferry[serve]'") from error
        try:
            self.files, self.root = fsspec.core.url_to_fs(self.url)
        except (ValueError, ImportError) as error:
            raise UserError(f"{url}: {error}") from error
        self._protocols = set(_words(self.files.protocol))
        self._renames, self._folders = bool(self._protocols & RENAMING), not self._protocols & OBJECT_STORES

    def read(self, path: str) -> bytes | None:
        """None if there is no such file."""
        with self._faults(path):
            try:
                content: bytes = self.files.cat_file(self._at(path))
            except FileNotFoundError:
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

    def size(self, path: str) -> int | None:
        with self._faults(path):
            try:
                return int(self.files.info(self._at(path))["size"])
            except FileNotFoundError:
                return None

    def names(self, folder: str) -> list[str]:
        """The sorted names in a folder; none where there is no such folder."""
        with self._faults(folder):
            self.files.invalidate_cache()
            try:
                found = self.files.ls(self._at(folder), detail=False)
            except FileNotFoundError:
                return []
            return sorted(name.rstrip("/").rpartition("/")[2] for name in found)

    def chunks(self, path: str, start: int) -> Iterator[bytes]:
        """The file's bytes from `start` on."""
        with self._faults(path), self.files.open(self._at(path), "rb") as file:
            file.seek(start)
            while chunk := file.read(CHUNK):
                yield chunk

    def _create(self, target: str, content: bytes) -> None:
        if self._protocols & {"file", "local"}:
            written = _beside(target)
            self.files.pipe_file(written, content)
            try:
                self.files.link(written, target)
            finally:
                self.files.rm_file(written)
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
        try:
            yield
        except (UserError, ServerFault, KeyboardInterrupt):
            raise
        except PermissionError as error:
            raise UserError(f"{self.url}/{path}: {error.strerror or error}") from error
        except Exception as error:  # every file system has errors of its own
            reason = " ".join(str(error).split())
            raise ServerFault(f"{self.url}/{path}: {type(error).__name__}: {reason}") from error


def _beside(target: str) -> str:
    return f"{target.rpartition('/')[0]}/.{uuid.uuid4().hex}"


def _words(protocol: str | tuple[str, ...]) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else protocol
