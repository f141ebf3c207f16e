"""The layout of a model in a store: its versions, and the paths of their files.

NAME/objects/<sha256>            a file's content, whatever its name; shared by all versions that have it
NAME/signatures/<sha256>.sig     the model.sig of the bundle whose model.json has that checksum
NAME/versions/<version>.json     a bundle's model.json, written last: a version is there when this is
NAME/channels/<channel>.json     which version a channel means
NAME/history/<time>-<id>.json    every move of a channel, never changed
"""

import hashlib
import json
import re
import time
import uuid
from dataclasses import asdict, dataclass
from typing import Any

from torchferry.errors import ServerFault, UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle.bundle import NAME
from torchferry.serving.errors import BundleError

REFERENCE = re.compile(r"(?P<url>.+)/(?P<name>[^/@]+)@(?P<version>[^/@]+)")

DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Move:
    """A channel was set."""

    time: float
    """Seconds since 1970."""
    channel: str
    version: str
    before: str | None


class Catalogue:
    def __init__(self, store: ObjectStore, name: str) -> None:
        self.store, self.name = store, checked(name)

    def object(self, digest: str) -> str:
        if not DIGEST.fullmatch(digest):
            raise BundleError(f"'{digest}' is no SHA-256")
        return f"{self.name}/objects/{digest}"

    def signature(self, manifest: bytes) -> str:
        """Where the signature of a bundle lies, if it has one; another key may sign the same bundle later."""
        return f"{self.name}/signatures/{digest_of(manifest)}.sig"

    def manifest(self, version: str) -> bytes | None:
        """The model.json of a version, or None."""
        return self.store.read(self._version(version))

    def add(self, version: str, manifest: bytes) -> None:
        """Raises UserError if another bundle has that version, be it since a moment ago, or a channel its name."""
        self.check_version(version)
        self.store.create(self._version(version), manifest)
        found = self.manifest(version)
        if found is None:
            raise ServerFault(f"{self.store.url}/{self._version(version)}: was written and is not there")
        if found != manifest:
            raise UserError(
                f"{self.store.url}/{self.name}@{version}: is there already and is another bundle; versions never "
                "change, so export it with another --model-version"
            )

    def holds(self, digest: str) -> bool:
        """Whether the object is there and whole. All of it is read, as a damaged one may have the right size."""
        path = self.object(digest)
        if self.store.size(path) is None:
            return False
        found = hashlib.sha256()
        for chunk in self.store.chunks(path, 0):
            found.update(chunk)
        return found.hexdigest() == digest

    def versions(self) -> list[str]:
        return [name.removesuffix(".json") for name in self._names(f"{self.name}/versions")]

    def exported(self, version: str) -> str:
        """When its bundle was made, in UTC and of one form, so that it can be compared; empty where it does not say."""
        provenance = _parsed(self.manifest(version) or b"{}", f"version {version}").get("provenance")
        return str(provenance.get("exported", "")) if isinstance(provenance, dict) else ""

    def channel(self, channel: str) -> str | None:
        """The version that it means, or None."""
        content = self.store.read(self._channel(channel))
        return None if content is None else str(_parsed(content, f"channel {channel}")["version"])

    def channels(self) -> dict[str, str]:
        names = [name.removesuffix(".json") for name in self._names(f"{self.name}/channels")]
        return {name: version for name in names if (version := self.channel(name)) is not None}

    def resolve(self, wanted: str) -> str:
        """A channel's version, or the version of that name. Raises UserError, also for what is both."""
        channelled = self.channel(wanted)
        if channelled is not None and self._has(wanted):
            raise UserError(f"{self.store.url}/{self.name}: '{wanted}' is a version, and a channel that means another")
        version = channelled or wanted
        if not self._has(version):
            known = ", ".join([*self.channels(), *self.versions()]) or "nothing"
            raise UserError(f"{self.store.url}/{self.name}: has no '{wanted}', only {known}")
        return version

    def move(self, channel: str, version: str) -> Move:
        """Make `channel` mean `version`, which is there. One write, so that a reader sees the old or the new one."""
        self.check_channel(channel, version)
        move = Move(time.time(), channel, version, self.channel(channel))
        self.store.write(self._channel(channel), _json(asdict(move)))
        self.store.write(f"{self.name}/history/{move.time:017.6f}-{uuid.uuid4().hex[:8]}.json", _json(asdict(move)))
        return move

    def check_version(self, version: str) -> None:
        """Raise UserError if a channel has the name: nobody could follow that any more, and versions stay."""
        if self.store.size(self._channel(version)) is not None:
            raise UserError(f"{version}: is a channel of {self.name}; export the bundle with another --model-version")

    def check_channel(self, channel: str, version: str) -> None:
        """Raise UserError if a version has the name, be it `version`, which may still have to come."""
        if channel == version or self._has(channel):
            raise UserError(f"{channel}: is a version of {self.name}; give the channel a name of its own")

    def history(self) -> list[Move]:
        """From the first move to the last."""
        names = self._names(f"{self.name}/history")
        contents = [self.store.read(f"{self.name}/history/{name}") for name in names]
        return [Move(**_parsed(content, "the history")) for content in contents if content is not None]

    def _has(self, version: str) -> bool:
        return self.store.size(self._version(version)) is not None

    def _version(self, version: str) -> str:
        return f"{self.name}/versions/{checked(version)}.json"

    def _channel(self, channel: str) -> str:
        return f"{self.name}/channels/{checked(channel)}.json"

    def _names(self, folder: str) -> list[str]:
        return [name for name in self.store.names(folder) if name.endswith(".json") and not name.startswith(".")]


def located(reference: str) -> tuple[Catalogue, str]:
    """`URL/NAME@VERSION` or `URL/NAME@CHANNEL`; without either it is stable."""
    found = REFERENCE.fullmatch(reference if "@" in reference.rpartition("/")[2] else f"{reference.rstrip('/')}@stable")
    if found is None:
        raise UserError(f"'{reference}' is not URL/NAME@VERSION or URL/NAME@CHANNEL")
    return Catalogue(ObjectStore(found["url"]), found["name"]), found["version"]


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def checked(name: str) -> str:
    """Raises UserError for what cannot be the name of a model, a version or a channel."""
    if not NAME.fullmatch(name):
        raise UserError(f"'{name}' cannot be a name; letters, digits, '.', '_' and '-' can")
    return name


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _parsed(content: bytes, what: str) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError, RecursionError) as error:
        raise BundleError(f"{what} is damaged: {error}") from error
