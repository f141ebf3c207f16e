"""The registry's catalogue: immutable versions, channels and references."""

from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.errors import BundleError
from torchferry.serving.registry.catalogue import Catalogue, located


def test_of_two_who_publish_a_version_at_once_one_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue(ObjectStore(url), "digits")
    monkeypatch.setattr(ObjectStore, "size", lambda *_: None)  # both have looked before either has written
    catalogue.add("1.0", b"one")
    with pytest.raises(UserError, match=r"digits@1.0: is there already and is another bundle"):
        catalogue.add("1.0", b"two")
    assert catalogue.manifest("1.0") == b"one"
    assert catalogue.versions() == ["1.0"]


@pytest.mark.parametrize("reference", ["nothing", "@stable", "a/b@c@d/", "memory://x/../y@stable", "memory://x/a b@1"])
def test_a_wrong_reference_is_refused(reference: str) -> None:
    with pytest.raises(UserError):
        located(reference)[0].resolve("stable")


@pytest.mark.parametrize(
    ("reference", "name", "version"),
    [
        ("memory://x/digits", "digits", "stable"),
        ("memory://x/digits/", "digits", "stable"),
        ("memory://x/digits@1.0", "digits", "1.0"),
        ("memory://me@x/digits", "digits", "stable"),
        ("memory://me@x/digits@canary", "digits", "canary"),
    ],
)
def test_a_reference_without_a_version_means_stable(reference: str, name: str, version: str) -> None:
    catalogue, wanted = located(reference)
    assert (catalogue.name, wanted) == (name, version)


def test_a_name_is_a_channels_or_a_versions_and_what_is_unknown_is_told_what_there_is(tmp_path: Path) -> None:
    catalogue = Catalogue(ObjectStore(str(tmp_path)), "digits")
    for version in ("1.0", "2.0"):
        catalogue.add(version, version.encode())
    catalogue.move("canary", "2.0")
    assert [catalogue.resolve(wanted) for wanted in ("canary", "1.0")] == ["2.0", "1.0"]
    with pytest.raises(UserError, match=r"^1\.0: is a version of digits; give the channel a name of its own"):
        catalogue.move("1.0", "2.0")
    with pytest.raises(UserError, match=r"/digits: has no 'beta', only canary, 1\.0, 2\.0$"):
        catalogue.resolve("beta")


def test_a_channel_that_hides_a_version_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write to the store could give another version for the one that is asked for."""
    catalogue = Catalogue(ObjectStore(str(tmp_path)), "digits")
    for version in ("1.0", "2.0"):
        catalogue.add(version, version.encode())
    catalogue.move("canary", "2.0")
    catalogue.store.write("digits/channels/1.0.json", catalogue.store.read("digits/channels/canary.json") or b"")
    with pytest.raises(UserError, match=r"'1\.0' is a version, and a channel that means another"):
        catalogue.resolve("1.0")


def test_a_damaged_channel_is_named(tmp_path: Path) -> None:
    catalogue = Catalogue(ObjectStore(str(tmp_path)), "digits")
    catalogue.store.write("digits/channels/stable.json", b"{")
    with pytest.raises(BundleError, match=r"^channel stable is damaged: "):
        catalogue.resolve("stable")
