"""What is loaded from the registry is pulled once, checked, and gone with the server."""

from pathlib import Path

import pytest

from tests.serving.keys import write_key
from tests.serving.tiny_bundle import FILE, written
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.onnx_server.models.pulled_bundles import pulled_from, remove
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with two versions, of which stable means the second."""
    url = str(tmp_path / "store")
    catalogue = Catalogue(ObjectStore(url), "tiny")
    for version in ("1.0", "2.0"):
        publish(written(tmp_path, version=version), catalogue)
        catalogue.move("stable", version)
    return url


def test_a_version_is_pulled_once_and_goes_at_the_end(url: str) -> None:
    with pulled_from(f"{url}/", None) as registry:
        assert registry
        path = registry.path("tiny@2.0")
        assert bundles.load(path).version == "2.0"
        (path / "mine").touch()
        assert registry.path("tiny@stable") == registry.path("tiny") == path
        assert (path / "mine").exists()
        assert registry.path("tiny@1.0") != path
    assert not path.exists()


def test_what_is_not_used_is_taken_out_and_pulled_anew_when_it_is_asked_for_again(url: str) -> None:
    with pulled_from(url, None) as registry:
        assert registry
        old, new = registry.path("tiny@1.0"), registry.path("tiny@2.0")
        (old / "mine").touch()
        going = registry.take_out({new})
        assert (old.exists(), new.exists()) == (False, True)
        assert registry.path("tiny@1.0") == old
        remove(going)
        assert bundles.load(old).version == "1.0"
        assert not (old / "mine").exists()
        assert not any(folder.exists() for folder in going)
        assert registry.take_out({old, new}) == []


def test_without_a_url_there_is_none() -> None:
    with pulled_from("", None) as registry:
        assert registry is None


def pull(url: str, named: str, trusted: TrustedKeys | None = None) -> str:
    """The version that is pulled."""
    with pulled_from(url, trusted) as registry:
        assert registry
        return bundles.load(registry.path(named)).version


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("tiny@3.0", r"has no '3\.0', only stable, 1\.0, 2\.0"),
        ("nobody@1.0", r"has no '1\.0', only nothing"),
        ("../store/tiny@1.0", "is not .*store/NAME@VERSION or .*store/NAME@CHANNEL"),
        ("..@1.0", r"'\.\.' cannot be a name"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(url: str, named: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        pull(url, named)


def test_a_channel_that_went_back_is_taken_by_the_versions_name_alone(url: str) -> None:
    Catalogue(ObjectStore(url), "tiny").move("stable", "1.0")
    with pytest.raises(UserError, match=r"means 1\.0, which is older than 2\.0"):
        pull(url, "tiny@stable")
    assert pull(url, "tiny@1.0") == "1.0"


def test_what_is_damaged_or_not_signed_is_refused(url: str, tmp_path: Path) -> None:
    key = write_key(tmp_path, "ours")
    trusted = TrustedKeys([key.with_suffix(".pub")])
    with pytest.raises(UserError, match="is not signed, and has to be"):
        pull(url, "tiny@2.0", trusted)
    third = written(tmp_path, version="3.0")
    bundles.sign(third, SigningKey(key))
    catalogue = Catalogue(ObjectStore(url), "tiny")
    publish(third, catalogue)
    assert pull(url, "tiny@3.0", trusted) == "3.0"
    catalogue.store.write(catalogue.object(third.files[FILE]), b"other")
    with pytest.raises(UserError, match="is damaged"):
        pull(url, "tiny@3.0", trusted)


def test_a_store_or_a_folder_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be pulled"):
        pull("http://127.0.0.1:9", "tiny@1.0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"--registry: there is no folder .*; set TMPDIR to one"):
        pull("a", "tiny@1.0")
