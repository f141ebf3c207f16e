"""A served model's golden check over REST, from the archive that it was loaded from."""

import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from torchferry.errors import ServerFault
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.client import Refused, RestClient
from torchferry.serving.errors import AnswerTooLarge, TooLarge
from torchferry.serving.session import check_golden, check_golden_together
from torchferry.serving.torchserve.archive import archive_version

TOO_MUCH = (TooLarge.code, AnswerTooLarge.code)


class Golden:
    """What one version of a model has to answer."""

    def __init__(self, archive: Path, folder: Path) -> None:
        """Take the bundle's golden files out of the archive into `folder`."""
        self.model, self.version = archive_version(archive)
        with zipfile.ZipFile(archive) as mar:
            for name in ("model.json", "golden/inputs.npz", "golden/outputs.npz"):
                mar.extract(name, folder)
        self.bundle = bundles.read(folder)  # the rest of its files stays in the archive
        self.variant = self.model.removeprefix(f"{self.bundle.name}-")

    def check(self, client: RestClient) -> None:
        """Raises BundleError where it answers something else, UserError and ServerFault where it does not answer."""
        check_golden(self._served(client), self.bundle, self.variant)

    def check_again(self, client: RestClient) -> None:
        """As `check`, by one request: what a sample's company does to it was checked before."""
        check_golden_together(self._served(client), self.bundle, self.variant)

    def _served(self, client: RestClient) -> "_Remote":
        return _Remote(client, f"{self.model}/{self.version}", self.bundle.inputs)


class Goldens:
    """Of all that is in a server's store, where versions come and go."""

    def __init__(self, store: Path, folder: Path) -> None:
        """Their files go into `folder`."""
        self.store, self.folder = store, folder
        self.known: dict[str, Golden] = {}
        """By the archive and when it was written: a version can come back with other weights."""

    def of(self, model: str, version: str) -> Golden:
        """Raises ServerFault if no archive of the store is this version."""
        known: dict[str, Golden] = {}
        for path in self.store.glob("*.mar"):
            with suppress(FileNotFoundError):  # archives go while this looks, and links may lead to one that has gone
                name = f"{path.stem}-{path.stat().st_mtime_ns}"
                known[name] = self.known.get(name) or Golden(path, self.folder / name)
        self.known = known
        for golden in self.known.values():
            if (golden.model, golden.version) == (model, version):
                return golden
        raise ServerFault(f"{model}@{version} was loaded from an archive that is gone")


class _Remote:
    """A served model with the face of a session, so that one golden check serves both."""

    def __init__(self, client: RestClient, model: str, specs: Sequence[TensorSpec]) -> None:
        self.client, self.model, self.specs = client, model, specs

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """In halves, where a server's limits let no more samples go together."""
        samples = len(next(iter(inputs.values())))
        try:
            return self.client.infer(self.model, inputs, self.specs)
        except Refused as error:
            if samples == 1 or error.code not in TOO_MUCH:
                raise
        middle = samples // 2
        first, second = (
            self.run({name: values[part] for name, values in inputs.items()})
            for part in (slice(middle), slice(middle, None))
        )
        return {name: np.concatenate([values, second[name]]) for name, values in first.items()}
