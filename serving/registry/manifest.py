"""model.json and its signature, out of a store: of the version that was asked for, or refused."""

from pathlib import Path

from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.errors import BundleError
from torchferry.serving.registry.catalogue import Catalogue


def put_manifest(
    catalogue: Catalogue, version: str, manifest: bytes, folder: Path, trusted: TrustedKeys | None
) -> Bundle:
    """Write both into the folder, where the bundle's other files need not be yet. Raises BundleError for another
    bundle, and for one that none of the `trusted` keys signed, if any are given."""
    (folder / bundles.MANIFEST).write_bytes(manifest)
    if (signature := catalogue.store.read(catalogue.signature(manifest))) is not None:
        (folder / bundles.SIGNATURE).write_bytes(signature)
    bundle = bundles.read(folder, trusted)
    # The signature is of the bundle, not of the place where somebody has put it.
    if (bundle.name, bundle.version) != (catalogue.name, version):
        raise BundleError(
            f"{catalogue.store.url}/{catalogue.name}@{version}: holds {bundle.name} {bundle.version}, which somebody "
            "has put in its place; publish the right bundle under another version"
        )
    return bundle
