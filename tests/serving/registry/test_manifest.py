"""model.json comes out of a store with its signature, and as the version that was asked for."""

from pathlib import Path

import pytest

from tests.serving.keys import write_key
from tests.serving.registry.conftest import written
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.errors import BundleError
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.manifest import put_manifest
from torchferry.serving.registry.publish import publish


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path, "ours")


@pytest.fixture
def signed(tmp_path: Path, key: Path) -> Catalogue:
    """A store with version 1.0 of a signed bundle of one small file."""
    bundle = written(tmp_path / "tiny", b"content")
    bundles.sign(bundle, SigningKey(key))
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    publish(bundle, catalogue)
    return catalogue


def test_it_is_judged_before_any_other_file_is_there(signed: Catalogue, key: Path, tmp_path: Path) -> None:
    manifest, folder = signed.manifest("1.0"), tmp_path / "folder"
    assert manifest
    folder.mkdir()
    trusted = TrustedKeys([key.with_suffix(".pub")])
    assert put_manifest(signed, "1.0", manifest, folder, trusted).version == "1.0"
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.sig"]
    other = TrustedKeys([write_key(tmp_path, "other").with_suffix(".pub")])
    with pytest.raises(BundleError, match="is not signed by a key"):
        put_manifest(signed, "1.0", manifest, folder, other)


def test_another_version_is_refused_though_it_is_signed(signed: Catalogue, key: Path, tmp_path: Path) -> None:
    manifest = signed.manifest("1.0")
    assert manifest
    with pytest.raises(BundleError, match=r"/tiny@2\.0: holds tiny 1\.0, which somebody has put in its place"):
        put_manifest(signed, "2.0", manifest, tmp_path, TrustedKeys([key.with_suffix(".pub")]))
