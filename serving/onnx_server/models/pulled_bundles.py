"""Bundles of a registry that are loaded while the server runs: pulled into a folder of its own, each version once.

What no model has any more goes, so that a server which is given one version after the other fills no disk.
"""

import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from torchferry.errors import StoreError, UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.registry.pull import located_version, pull


class PulledBundles:
    def __init__(self, url: str, folder: Path, trusted: TrustedKeys | None = None) -> None:
        """`folder` is there and nobody else's. Raises UserError for a URL that cannot be used."""
        self.url, self.folder, self.trusted = ObjectStore(url).url, folder, trusted
        self.pulled: set[Path] = set()

    def holds(self, given: str) -> bool:
        """Whether it is of this registry; nothing is asked for yet."""
        return given.startswith(f"{self.url}/")

    def path(self, named: str) -> Path:
        """Of what `NAME@VERSION` or `NAME@CHANNEL` means there now; without either it is stable. Raises UserError."""
        if "/" in named:  # it would be of another registry
            raise UserError(f"{self.url}/{named[:200]}: is not {self.url}/NAME@VERSION or {self.url}/NAME@CHANNEL")
        try:
            catalogue, version = located_version(f"{self.url}/{named}")
            folder = self.folder / catalogue.name / version
            if not folder.exists():
                pull(catalogue, version, folder, self.trusted)
            self.pulled.add(folder)
            return folder
        except StoreError as error:
            raise UserError(f"{self.url}/{named[:200]}: cannot be pulled ({error})") from error

    def take_out(self, used: Collection[Path]) -> list[Path]:
        """What is not `used` gets other names, at once, so that who asks for it next pulls it anew; they are for
        `remove`."""
        going = {folder: folder.with_name(f".{uuid.uuid4().hex}") for folder in self.pulled.difference(used)}
        for folder, name in going.items():
            self.pulled.discard(folder)
            with suppress(OSError):  # who cleans temporary folders was quicker
                folder.rename(name)
        return list(going.values())


def remove(folders: Sequence[Path]) -> None:
    """It may take its time."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def pulled_from(url: str, trusted: TrustedKeys | None) -> Iterator[PulledBundles | None]:
    """The registry, if there is a URL; what is pulled from it goes at the end. Raises UserError."""
    if not url:
        yield None
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix="torchferry-bundles-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(f"--registry: there is no folder to pull bundles into ({error}); set TMPDIR to one") from error
    with folder as path:
        yield PulledBundles(url, Path(path), trusted)
