"""Tar files, local or behind any URL of fsspec, that are read at any place."""

import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
from webdataset.shardlists import expand_urls

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.folder_lock import exclusive

OPEN_AT_ONCE = 64


def expanded(pattern: str, storage_options: dict[str, Any], argument: str) -> list[str]:
    """The shards that `pattern` names, by WebDataset's braces {000..015} or by a `*`; never none.

    A chain such as simplecache::http://host/{0..3}.tar keeps its first part for every shard.
    """
    chain, separator, target = pattern.rpartition("::")
    try:
        urls = [url for braced in expand_urls(target) for url in _matching(braced, storage_options)]
    except Exception as error:  # every file system behind fsspec has errors of its own
        raise UserError(f"data.source.args.{argument}: '{pattern}' cannot be listed: {one_line(error)}") from error
    if not urls:
        raise UserError(f"data.source.args.{argument}: '{pattern}' matches no file")
    return [chain + separator + url for url in urls]


def _matching(url: str, storage_options: dict[str, Any]) -> list[str]:
    if "*" not in url:
        return [url]
    system, pattern = fsspec.url_to_fs(url, **storage_options)
    found = sorted(system.glob(pattern))
    return [system.unstrip_protocol(path) for path in found] if "://" in url else found


class Shards:
    """Reads bytes of shards. Each process opens files of its own, a forked one too, and keeps a few open.

    With `cache`, a folder, a shard behind a URL is copied there whole when it is first needed, by one
    process for all.
    """

    def __init__(self, urls: list[str], storage_options: dict[str, Any], cache: str | None) -> None:
        self.urls, self.storage_options, self.cache = urls, storage_options, cache
        self._files: OrderedDict[int, BinaryIO] = OrderedDict()
        self._own()

    def read(self, shard: int, offset: int, size: int) -> bytes:
        """Less than `size` bytes only if the shard ends before; raises what the file system raises."""
        if self._owner != os.getpid():
            self._own()
        if shard not in self._files:
            # Samples come in random order: a buffer read ahead would be thrown away.
            self._files[shard] = self.open(shard, cache_type="none")
            if len(self._files) > OPEN_AT_ONCE:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(shard)
        try:
            self._files[shard].seek(offset)
            return self._files[shard].read(size)
        except Exception:
            self._files.pop(shard).close()  # the connection may be what failed
            raise

    def open(self, shard: int, **options: Any) -> BinaryIO:
        """A file of the caller's own, from its beginning."""
        copy = self._copy(shard)
        if copy is not None:
            return copy.open("rb")
        system, path = fsspec.url_to_fs(self.urls[shard], **self.storage_options)
        file: BinaryIO = system.open(path, "rb", **options)
        if not file.seekable():
            file.close()
            raise UserError("can only be read from its beginning; data.source.args.cache names a folder for copies")
        return file

    def kept(self, shard: int) -> Path | None:
        """The cache's folder for what is known of a shard; a local file that changes gets another one."""
        if self.cache is None:
            return None
        url = self.urls[shard]
        state = None if "://" in url else Path(url).expanduser().stat()
        known = url if state is None else f"{Path(url).absolute()} {state.st_size} {state.st_mtime_ns}"
        return Path(self.cache).expanduser() / hashlib.sha256(known.encode()).hexdigest()[:16]

    def _copy(self, shard: int) -> Path | None:
        """Of a shard behind a URL, if there is a cache."""
        folder = self.kept(shard)
        if folder is None or "://" not in self.urls[shard]:
            return None
        copy = folder / "shard.tar"
        if not copy.exists():
            with exclusive(folder):
                # Another process may have made it while this one waited.
                if not copy.exists():
                    system, path = fsspec.url_to_fs(self.urls[shard], **self.storage_options)
                    system.get_file(path, str(folder / "partial"))
                    os.replace(folder / "partial", copy)
        return copy

    def _own(self) -> None:
        """A file that the parent process opened shares its position with it, so this process starts without any."""
        self._close()
        self._owner = os.getpid()

    def _close(self) -> None:
        while self._files:
            self._files.popitem()[1].close()

    __del__ = _close

    def __getstate__(self) -> dict[str, Any]:
        return {"urls": self.urls, "storage_options": self.storage_options, "cache": self.cache}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # the state is its arguments
