"""A served model's golden check over REST, from the archive that it was loaded from."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from serving import bundle as bundles
from serving.client import RestClient
from serving.session import check_golden


class Golden:
    """What one model has to answer."""

    def __init__(self, archive: Path, folder: Path) -> None:
        """Take the bundle's golden files out of the archive into `folder`."""
        with zipfile.ZipFile(archive) as mar:
            for name in ("model.json", "golden/inputs.npz", "golden/outputs.npz"):
                mar.extract(name, folder)
            self.model = str(json.loads(mar.read("MAR-INF/MANIFEST.json"))["model"]["modelName"])
        self.bundle = bundles.load(folder)
        self.variant = self.model.removeprefix(f"{self.bundle.name}-")

    def check(self, client: RestClient, version: str = "") -> None:
        """Of the default version unless one is named.

        Raises BundleError where it answers something else, UserError and ServerFault where it does not answer.
        """
        check_golden(_Remote(client, f"{self.model}/{version}".rstrip("/")), self.bundle, self.variant)


class _Remote:
    """A served model with the face of a session, so that one golden check serves both."""

    def __init__(self, client: RestClient, model: str) -> None:
        self.client, self.model = client, model

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.client.infer(self.model, inputs)
