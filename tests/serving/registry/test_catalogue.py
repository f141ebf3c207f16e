"""Bundles under a URL, in a folder and in fsspec's store in memory."""

import dataclasses
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from serving import bundle as bundles
from serving.bundle import Bundle
from serving.errors import BundleError, UserError
from serving.registry.catalogue import Catalogue, located
from serving.registry.channels import before
from serving.registry.publish import publish
from serving.registry.pull import pull
from serving.registry.store import Store
from tests.commands import run_command


@pytest.fixture(scope="module")
def s3(starts_server: None) -> Iterator[str]:
    """Where a local server answers that speaks S3."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new one, in the words of the environment that every client of S3 knows."""
    for name, value in {"ENDPOINT_URL": s3, "ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "me"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"models-{uuid.uuid4().hex}"
    S3FileSystem(skip_instance_cache=True).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(params=["file", "memory", pytest.param("s3", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/some/folder"
    return f"file://{tmp_path}/store" if request.param == "file" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def catalogue(url: str, bundle: Path) -> Catalogue:
    """With version 1.0 of digits."""
    catalogue = Catalogue(Store(url), "digits")
    publish(bundles.load(bundle), catalogue)
    return catalogue


def version(bundle: Path, folder: Path, name: str) -> Bundle:
    """The same bundle under another version."""
    shutil.copytree(bundle, folder)
    bundles.write(dataclasses.replace(bundles.load(folder), version=name))
    return bundles.load(folder)


def test_what_is_pulled_is_what_was_published(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    pulled = pull(catalogue, "1.0", tmp_path / "pulled")
    for path in bundle.rglob("*"):
        if path.is_file():
            assert (pulled.root / path.relative_to(bundle)).read_bytes() == path.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_a_version_never_changes(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    publish(bundles.load(bundle), catalogue)
    shutil.copytree(bundle, tmp_path / "other")
    bundles.write(dataclasses.replace(bundles.load(tmp_path / "other"), labels=tuple("abcdefghij")))
    with pytest.raises(UserError, match=r"digits@1.0: is there already and is another bundle"):
        publish(bundles.load(tmp_path / "other"), catalogue)
    assert catalogue.manifest("1.0") == (bundle / "model.json").read_bytes()


def test_of_two_who_publish_a_version_at_once_one_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue(Store(url), "digits")
    monkeypatch.setattr(Store, "size", lambda *_: None)  # both have looked before either has written
    catalogue.add("1.0", b"one")
    with pytest.raises(UserError, match=r"digits@1.0: is there already and is another bundle"):
        catalogue.add("1.0", b"two")
    assert catalogue.manifest("1.0") == b"one"
    assert catalogue.versions() == ["1.0"]


def test_versions_share_what_they_have_in_common(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    objects = catalogue.store.names("digits/objects")
    publish(version(bundle, tmp_path / "two", "2.0"), catalogue)
    assert catalogue.store.names("digits/objects") == objects
    assert catalogue.versions() == ["1.0", "2.0"]


def test_half_an_upload_cannot_be_pulled(url: str, bundle: Path, tmp_path: Path) -> None:
    """As a kill leaves it: files, but no model.json."""
    catalogue, loaded = Catalogue(Store(url), "digits"), bundles.load(bundle)
    for relative, digest in list(loaded.files.items())[:2]:
        catalogue.store.upload(bundle / relative, catalogue.object(digest))
    with pytest.raises(UserError, match=r"has no '1.0', only nothing"):
        catalogue.resolve("1.0")
    publish(loaded, catalogue)
    assert pull(catalogue, catalogue.resolve("1.0"), tmp_path / "pulled").accepted == loaded.accepted


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


def test_a_damaged_object_is_mended_by_publishing_again(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    digest = next(iter(bundles.load(bundle).files.values()))
    size = catalogue.store.size(catalogue.object(digest))
    assert size
    catalogue.store.write(catalogue.object(digest), bytes(size))
    assert not catalogue.holds(digest)
    publish(bundles.load(bundle), catalogue)
    assert pull(catalogue, "1.0", tmp_path / "pulled").accepted


def test_a_missing_object_is_named(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    digest = next(iter(bundles.load(bundle).files.values()))
    catalogue.store.files.rm(f"{catalogue.store.root}/{catalogue.object(digest)}")
    with pytest.raises(BundleError, match=f"{digest}: is missing; publish the bundle again"):
        pull(catalogue, "1.0", tmp_path / "pulled")


def test_a_channel_means_one_version_and_goes_back(catalogue: Catalogue, bundle: Path, tmp_path: Path) -> None:
    for name in ("2.0", "3.0"):
        publish(version(bundle, tmp_path / name, name), catalogue)
    for name in ("1.0", "2.0", "3.0"):
        catalogue.move("stable", name)
    assert catalogue.resolve("stable") == "3.0"
    for expected in ("2.0", "1.0"):
        catalogue.move("stable", before(catalogue, "stable"))
        assert catalogue.resolve("stable") == expected
    with pytest.raises(UserError, match="stable has meant nothing else before"):
        before(catalogue, "stable")
    moves = [(move.before, move.version) for move in catalogue.history()]
    assert moves == [(None, "1.0"), ("1.0", "2.0"), ("2.0", "3.0"), ("3.0", "2.0"), ("2.0", "1.0")]


def test_a_move_that_was_killed_before_the_history_had_it_goes_back_by_one(
    catalogue: Catalogue, bundle: Path, tmp_path: Path
) -> None:
    for name in ("2.0", "3.0"):
        publish(version(bundle, tmp_path / name, name), catalogue)
    for name in ("1.0", "2.0", "3.0"):
        catalogue.move("stable", name)
    last = catalogue.store.names("digits/history")[-1]
    catalogue.store.files.rm(f"{catalogue.store.root}/digits/history/{last}")
    assert before(catalogue, "stable") == "2.0"
    catalogue.move("stable", "1.0")
    assert before(catalogue, "stable") == "3.0"
    catalogue.move("stable", "3.0")
    assert before(catalogue, "stable") == "2.0"


@pytest.mark.parametrize("reference", ["nothing", "@stable", "a/b@c@d/", "memory://x/../y@stable", "memory://x/a b@1"])
def test_a_wrong_reference_is_refused(reference: str) -> None:
    with pytest.raises(UserError):
        located(reference)[0].resolve("stable")


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


def test_a_bucket_that_is_not_there_is_said_in_one_line(bucket: str, bundle: Path) -> None:
    done = run_command("-m", "serving", "publish", bundle, f"{bucket}-no")
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"{bucket}-no" in done.stderr


@pytest.mark.parametrize("kind", ["folder", pytest.param("bucket", marks=pytest.mark.server)])
def test_the_commands(bundle: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    def serving(*arguments: object, code: int = 0) -> str:
        done = run_command("-m", "serving", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    store = tmp_path / "store" if kind == "folder" else request.getfixturevalue("bucket")
    version(bundle, tmp_path / "two", "2.0")
    assert serving("publish", bundle, store, "--channel", "stable").splitlines()[1:] == ["stable: nothing -> 1.0"]
    assert "canary: nothing -> 2.0" in serving("publish", tmp_path / "two", store, "--channel", "canary")
    assert serving("promote", f"{store}/digits@canary", "stable") == "stable: 1.0 -> 2.0\n"
    assert serving("rollback", f"{store}/digits@stable") == "stable: 2.0 -> 1.0\n"
    lines = serving("history", f"{store}/digits").splitlines()
    assert lines[:2] == ["1.0  stable", "2.0  canary"]
    assert [line.partition("  ")[2] for line in lines[2:]] == [
        "stable: nothing -> 1.0",
        "canary: nothing -> 2.0",
        "stable: 1.0 -> 2.0",
        "stable: 2.0 -> 1.0",
    ]
    assert serving("pull", f"{store}/digits@canary", tmp_path / "pulled") == f"digits 2.0 in {tmp_path / 'pulled'}\n"
    for arguments, words in [
        (("pull", f"{store}/digits@canary", tmp_path / "pulled"), "exists already and is left as it is"),
        (("pull", f"{store}/digits@beta", tmp_path / "x"), "has no 'beta', only canary, stable, 1.0, 2.0"),
        (("pull", f"{store}/letters", tmp_path / "x"), "has no 'stable', only nothing"),
        (("publish", bundle, "nowhere://x"), "nowhere"),
        (("publish", bundle, f"{store}/new", "--channel", "a b"), "'a b' cannot be a name"),
        (("history", f"{store}/new/digits"), "has no version; publish one"),
        (("history", f"{store}/letters"), "has no version; publish one"),
    ]:
        errors = serving(*arguments, code=2)
        assert words in errors
        assert len(errors.splitlines()) == 1, errors
