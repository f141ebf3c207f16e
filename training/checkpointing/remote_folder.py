"""A folder in a store that is there when its checksums.json is, which is written last and removed first."""

import hashlib
import json
from pathlib import Path

from torchferry.errors import Missing, UserError
from torchferry.files import flush, sha256
from torchferry.object_store import ObjectStore

LIST = "checksums.json"


class RemoteFolder:
    """Raises StoreError for whatever the store does."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self.store, self.name = store, name

    @property
    def url(self) -> str:
        return f"{self.store.url}/{self.name}"

    def put(self, source: Path, name: str) -> str:
        """Upload a file; returns its checksum."""
        checksum = sha256(source)
        self.store.upload(source, f"{self.name}/{name}")
        return checksum

    def read(self, name: str) -> bytes | None:
        """Unchecked; None if there is no such file."""
        return self.store.read(f"{self.name}/{name}")

    def complete(self, checksums: str) -> None:
        """All files are there: the contents of checksums.json."""
        self.store.write(f"{self.name}/{LIST}", checksums.encode())

    def checksums(self) -> str | None:
        """What `complete` was given, or None where it was not called. Raises UserError for what it cannot have been."""
        content = self.read(LIST)
        if content is None:
            return None
        try:
            files = json.loads(content)
            # A name such as ../x would be written outside of the target.
            if all(isinstance(each, str) for each in files.values()) and not any(map(_leads_out, files)):
                return content.decode()
        except (ValueError, AttributeError):
            pass
        raise UserError(f"{self.url}/{LIST}: is damaged (it is no list of checksums)")

    def get(self, checksums: str, target: Path) -> None:
        """Make `target` a folder with these files in it and on the disk.

        Raises UserError naming the first that is damaged or missing in the store.
        """
        for name, expected in json.loads(checksums).items():
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.store.download(f"{self.name}/{name}", file)
            except Missing as error:
                raise UserError(f"{self.url}/{name}: is missing") from error
            if sha256(file) != expected:
                raise UserError(f"{self.url}/{name}: is damaged (its checksum differs)")
            flush(file)

    def check(self) -> None:
        """Raise UserError naming the first of its files that is damaged or missing; nothing is kept."""
        for name, expected in json.loads(self.checksums() or "{}").items():
            found = hashlib.sha256()
            try:
                for chunk in self.store.chunks(f"{self.name}/{name}", 0):
                    found.update(chunk)
            except Missing as error:
                raise UserError(f"{self.url}/{name}: is missing") from error
            if found.hexdigest() != expected:
                raise UserError(f"{self.url}/{name}: is damaged (its checksum differs)")

    def remove(self) -> None:
        self.store.remove(f"{self.name}/{LIST}")
        for name in self.store.paths(self.name):
            self.store.remove(f"{self.name}/{name}")


def _leads_out(name: str) -> bool:
    return Path(name).is_absolute() or ".." in Path(name).parts
