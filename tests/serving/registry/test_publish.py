"""A version is there whole or not at all, and never changes."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from tests.commands import run_command
from tests.serving.registry.conftest import version, written
from tests.serving.tiny_bundle import FILE, described, variant
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.errors import BundleError
from torchferry.serving.registry.catalogue import Catalogue, digest_of
from torchferry.serving.registry.publish import main, publish
from torchferry.serving.registry.pull import pull


def test_a_version_never_changes(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    publish(bundles.load(bundle), catalogue)
    shutil.copytree(bundle, tmp_path / "other")
    other = bundles.load(tmp_path / "other")
    bundles.write(dataclasses.replace(other, task=dataclasses.replace(other.task, labels=tuple("abcdefghij"))))
    with pytest.raises(UserError, match=r"digits@1.0: is there already and is another bundle"):
        publish(bundles.load(tmp_path / "other"), catalogue)
    assert catalogue.manifest("1.0") == (bundle / "model.json").read_bytes()


def test_versions_share_what_they_have_in_common(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    objects = catalogue.store.names("digits/objects")
    publish(version(bundle, tmp_path / "two", "2.0"), catalogue)
    assert catalogue.store.names("digits/objects") == objects
    assert catalogue.versions() == ["1.0", "2.0"]


def test_half_an_upload_cannot_be_pulled(url: str, bundle: Path, tmp_path: Path) -> None:
    """As a kill leaves it: files, but no model.json."""
    catalogue, loaded = Catalogue(ObjectStore(url), "digits"), bundles.load(bundle)
    for relative, digest in list(loaded.files.items())[:2]:
        catalogue.store.upload(bundle / relative, catalogue.object(digest))
    with pytest.raises(UserError, match=r"has no '1.0', only nothing"):
        catalogue.resolve("1.0")
    publish(loaded, catalogue)
    assert pull(catalogue, catalogue.resolve("1.0"), tmp_path / "pulled").accepted == loaded.accepted


def test_a_damaged_object_is_mended_by_publishing_again(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    digest = next(iter(bundles.load(bundle).files.values()))
    size = catalogue.store.size(catalogue.object(digest))
    assert size
    catalogue.store.write(catalogue.object(digest), bytes(size))
    assert not catalogue.holds(digest)
    publish(bundles.load(bundle), catalogue)
    assert pull(catalogue, "1.0", tmp_path / "pulled").accepted


def test_a_bucket_that_is_not_there_is_said_in_one_line(bucket: str, bundle: Path) -> None:
    done = run_command("-m", "torchferry", "publish", bundle, f"{bucket}-no")
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"{bucket}-no" in done.stderr


def test_a_bundle_that_nobody_could_serve_is_refused(tmp_path: Path) -> None:
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    refused = variant(status="refused")
    with pytest.raises(UserError, match="has no accepted variant, so nobody could serve it"):
        publish(described(tmp_path, variants={"torch": refused}), catalogue)
    assert not (tmp_path / "store").exists()


def test_another_bundle_of_a_version_is_refused_before_anything_is_uploaded(tmp_path: Path) -> None:
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    publish(written(tmp_path / "one", b"one"), catalogue)
    with pytest.raises(UserError, match=r"tiny@1\.0: is there already and is another bundle"):
        publish(written(tmp_path / "two", b"two"), catalogue)
    assert catalogue.store.names("tiny/objects") == [digest_of(b"one")]


def test_a_bundle_whose_file_was_damaged_here_is_not_there(tmp_path: Path) -> None:
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    bundle = written(tmp_path / "one", b"one")
    (bundle.root / FILE).write_bytes(b"eno")
    with pytest.raises(BundleError, match="is damaged"):
        publish(bundle, catalogue)
    assert catalogue.versions() == []


def test_the_command_says_what_is_there_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, store = written(tmp_path / "one", b"one"), f"{tmp_path}/store"
    main([str(bundle.root), f"{store}/", "--channel", "stable", "--channel", "canary"])
    lines = [f"{store}/tiny@1.0", "stable: nothing -> 1.0", "canary: nothing -> 1.0"]
    assert capsys.readouterr().out.splitlines() == lines


def test_a_channel_that_cannot_be_a_name_is_refused_before_anything_is_uploaded(tmp_path: Path) -> None:
    bundle = written(tmp_path / "one", b"one")
    with pytest.raises(UserError, match="'a/b' cannot be a name"):
        main([str(bundle.root), f"{tmp_path}/store", "--channel", "stable", "--channel", "a/b"])
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("channel", ["1.0", "2.0"])
def test_a_channel_called_like_a_version_is_refused_before_anything_is_uploaded(tmp_path: Path, channel: str) -> None:
    """Be it the version that is being published."""
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    publish(written(tmp_path / "first", b"first", version="1.0"), catalogue)
    second = written(tmp_path / "second", b"second", version="2.0")
    with pytest.raises(UserError, match=rf"^{channel}: is a version of tiny; give the channel a name of its own"):
        main([str(second.root), catalogue.store.url, "--channel", channel])
    assert (catalogue.versions(), catalogue.channels()) == (["1.0"], {})


def test_a_version_called_like_a_channel_is_refused_before_anything_is_uploaded(tmp_path: Path) -> None:
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    publish(written(tmp_path / "first", b"first", version="1.0"), catalogue)
    catalogue.move("stable", "1.0")
    objects = catalogue.store.names("tiny/objects")
    with pytest.raises(UserError, match=r"^stable: is a channel of tiny; export the bundle with another --model-ver"):
        publish(written(tmp_path / "second", b"second", version="stable"), catalogue)
    assert (catalogue.store.names("tiny/objects"), catalogue.resolve("stable")) == (objects, "1.0")
    with pytest.raises(UserError, match=r"^stable: is a channel of tiny"):
        catalogue.add("stable", b"another")
