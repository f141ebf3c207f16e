"""Pulling a bundle from the registry: complete and verified, resumable, or not there at all."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.keys import write_key
from tests.serving.registry.conftest import written
from tests.serving.tiny_bundle import FILE
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.errors import BundleError
from torchferry.serving.registry.catalogue import Catalogue, digest_of
from torchferry.serving.registry.publish import publish
from torchferry.serving.registry.pull import main, pull


def test_what_is_pulled_is_what_was_published(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    pulled = pull(catalogue, "1.0", tmp_path / "pulled")
    for path in bundle.rglob("*"):
        if path.is_file():
            assert (pulled.root / path.relative_to(bundle)).read_bytes() == path.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_a_pull_goes_on_where_it_was_interrupted(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    loaded = bundles.load(bundle)
    relative = loaded.variants["torch"].file
    lost = catalogue.object(loaded.files[relative])
    content = (bundle / relative).read_bytes()
    catalogue.store.write(lost, content[:1000] + bytes(len(content) - 1000))
    with pytest.raises(BundleError, match="is damaged"):
        pull(catalogue, "1.0", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()
    (partial,) = tmp_path.glob(".pulled.*.partial")
    (partial / f"{relative}.part").write_bytes(content[:1000])
    # Only what is missing is read: the part that is there may be anything in the store.
    catalogue.store.write(lost, bytes(1000) + content[1000:])
    assert pull(catalogue, "1.0", tmp_path / "pulled").verified(relative).read_bytes() == content
    assert not list(tmp_path.glob(".pulled*"))


@pytest.mark.parametrize("length", [1000, None])
def test_a_file_that_a_crash_has_cut_or_filled_is_fetched_again(
    catalogue: Catalogue, bundle: Path, tmp_path: Path, length: int | None
) -> None:
    loaded = bundles.load(bundle)
    relative = loaded.variants["torch"].file
    digest = hashlib.sha256((bundle / "model.json").read_bytes()).hexdigest()
    cut = tmp_path / f".pulled.{digest[:12]}.partial" / relative
    cut.parent.mkdir(parents=True)
    content = (bundle / relative).read_bytes()
    cut.write_bytes(content[:length] if length else bytes(len(content)))
    assert pull(catalogue, "1.0", tmp_path / "pulled").verified(relative).read_bytes() == content


def test_a_missing_object_is_named(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    digest = next(iter(bundles.load(bundle).files.values()))
    catalogue.store.files.rm(f"{catalogue.store.root}/{catalogue.object(digest)}")
    with pytest.raises(BundleError, match=f"{digest}: is missing; publish the bundle again"):
        pull(catalogue, "1.0", tmp_path / "pulled")


def test_two_pulls_into_one_folder_do_not_mix(catalogue: Catalogue, tmp_path: Path) -> None:
    bundle = pull(catalogue, "1.0", tmp_path / "first")
    manifest = (bundle.root / "model.json").read_bytes()
    partial = tmp_path / f".pulled.{hashlib.sha256(manifest).hexdigest()[:12]}.partial"
    partial.mkdir()
    descriptor = os.open(partial, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(UserError, match="another pull is writing it"):
        pull(catalogue, "1.0", tmp_path / "pulled")
    os.close(descriptor)
    assert pull(catalogue, "1.0", tmp_path / "pulled").accepted == bundle.accepted


@pytest.fixture
def tiny(tmp_path: Path) -> Catalogue:
    """A store with version 1.0 of a bundle of one small file, which is stable."""
    bundle = written(tmp_path / "tiny", b"content")
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    publish(bundle, catalogue)
    catalogue.move("stable", "1.0")
    return catalogue


def test_a_folder_that_is_there_is_left_as_it_is(tiny: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "pulled").mkdir()
    with pytest.raises(UserError, match=f"^{tmp_path}/pulled: exists already and is left as it is"):
        pull(tiny, "1.0", tmp_path / "pulled")
    assert not list((tmp_path / "pulled").iterdir())


def test_a_version_that_is_not_there_is_named_and_leaves_nothing(tiny: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/store/tiny: has no version 2\.0$"):
        pull(tiny, "2.0", tmp_path / "pulled")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "tiny"]


def test_what_is_longer_than_it_was_is_fetched_from_the_beginning(tiny: Catalogue, tmp_path: Path) -> None:
    manifest = tiny.manifest("1.0")
    assert manifest
    part = tmp_path / f".pulled.{digest_of(manifest)[:12]}.partial" / f"{FILE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"content and more")
    assert pull(tiny, "1.0", tmp_path / "pulled").verified(FILE).read_bytes() == b"content"


def test_a_damaged_object_leaves_nothing_to_go_on_from(tiny: Catalogue, tmp_path: Path) -> None:
    tiny.store.write(tiny.object(digest_of(b"content")), b"Content")
    with pytest.raises(BundleError, match=r"is damaged \(its checksum differs\); publish the bundle again"):
        pull(tiny, "1.0", tmp_path / "pulled")
    (partial,) = tmp_path.glob(".pulled.*")
    assert [path.name for path in partial.rglob("*") if path.is_file()] == ["model.json"]


@pytest.mark.parametrize("reference", ["tiny", "tiny@stable", "tiny@1.0"])
def test_the_command_says_what_was_pulled(
    tiny: Catalogue, tmp_path: Path, reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([f"{tiny.store.url}/{reference}", str(tmp_path / "pulled")])
    assert capsys.readouterr().out == f"tiny 1.0 in {tmp_path}/pulled\n"
    assert (tmp_path / "pulled" / FILE).read_bytes() == b"content"


def test_a_version_that_lies_in_anothers_place_is_refused(tiny: Catalogue, tmp_path: Path) -> None:
    """Its signature is right wherever it lies."""
    manifest = tiny.manifest("1.0")
    assert manifest
    tiny.store.write("tiny/versions/2.0.json", manifest)
    other = Catalogue(ObjectStore(tiny.store.url), "other")
    other.store.write("other/versions/1.0.json", manifest)
    for catalogue, version in ((tiny, "2.0"), (other, "1.0")):
        with pytest.raises(BundleError, match=rf"/{catalogue.name}@{version}: holds tiny 1\.0, which somebody has put"):
            pull(catalogue, version, tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_a_channel_that_went_back_is_followed_only_if_that_is_allowed(
    tiny: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(written(tmp_path / "two", b"more", version="2.0"), tiny)
    for version in ("2.0", "1.0"):
        tiny.move("stable", version)
    with pytest.raises(UserError, match=r"tiny@stable: means 1\.0, which is older than 2\.0, .* --allow-downgrade"):
        main([f"{tiny.store.url}/tiny", str(tmp_path / "pulled")])
    assert not (tmp_path / "pulled").exists()
    main([f"{tiny.store.url}/tiny@1.0", str(tmp_path / "named")])
    main([f"{tiny.store.url}/tiny", str(tmp_path / "pulled"), "--allow-downgrade"])
    assert capsys.readouterr().out == f"tiny 1.0 in {tmp_path}/named\ntiny 1.0 in {tmp_path}/pulled\n"


def other_object(catalogue: Catalogue, manifest: bytes) -> None:
    """Whoever can write to the store, and listed what it put there."""
    content = json.loads(manifest)
    content["files"][FILE] = digest_of(b"evil")
    said = {key: value for key, value in content.items() if key not in ("schema", "digest")}
    content["digest"] = digest_of(json.dumps(said, sort_keys=True).encode())
    written = json.dumps(content).encode()
    catalogue.store.write(catalogue.object(digest_of(b"evil")), b"evil")
    catalogue.store.write("tiny/versions/1.0.json", written)
    signature = catalogue.store.read(catalogue.signature(manifest))
    assert signature
    catalogue.store.write(catalogue.signature(written), signature)


def same_place(catalogue: Catalogue, _manifest: bytes) -> None:
    catalogue.store.write(catalogue.object(digest_of(b"content")), b"Content")


def no_signature(catalogue: Catalogue, manifest: bytes) -> None:
    catalogue.store.remove(catalogue.signature(manifest))


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (other_object, "is not what was signed"),
        (same_place, "is damaged"),
        (no_signature, "is not signed, and has to be"),
    ],
)
def test_what_was_altered_in_the_store_is_not_pulled(
    tmp_path: Path, alter: Callable[[Catalogue, bytes], None], words: str
) -> None:
    bundle, key = written(tmp_path / "tiny", b"content"), write_key(tmp_path, "ours")
    bundles.sign(bundle, SigningKey(key))
    catalogue, trusted = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny"), TrustedKeys([key.with_suffix(".pub")])
    publish(bundle, catalogue)
    assert pull(catalogue, "1.0", tmp_path / "before", trusted).name == "tiny"
    manifest = catalogue.manifest("1.0")
    assert manifest
    alter(catalogue, manifest)
    with pytest.raises(BundleError, match=words):
        pull(catalogue, "1.0", tmp_path / "pulled", trusted)
    assert not (tmp_path / "pulled").exists()
