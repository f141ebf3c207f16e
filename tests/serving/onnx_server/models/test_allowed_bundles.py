"""Bundles are loaded from certain folders only, whatever way leads there."""

import os
from pathlib import Path

import pytest

from tests.serving.tiny_bundle import VARIANT, written
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles
from torchferry.serving.onnx_server.models.pulled_bundles import pulled_from
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish

OUTSIDE = "is outside of the folders to load from"


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    written(tmp_path / "inside")
    return tmp_path / "inside"


def test_a_root_is_a_bundle_or_holds_some(inside: Path) -> None:
    bundle = inside / "tiny-1.0"
    for root in (bundle, inside, inside.parent):
        for given in (bundle, f"{bundle}:{VARIANT}", bundle / ".." / "tiny-1.0", os.path.relpath(bundle)):
            source = AllowedBundles([root]).source(str(given), "tiny")
            assert (source.name, source.variant) == ("tiny", VARIANT)


def test_what_is_outside_is_refused_whether_it_is_there_or_not(inside: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "inside-too").root
    (inside / "link").symlink_to(other)
    allowed = AllowedBundles([inside])
    for given in (other, f"{other}:{VARIANT}", inside / ".." / "inside-too" / "tiny-1.0", inside / "link", "/nowhere"):
        with pytest.raises(UserError, match=OUTSIDE):
            allowed.source(str(given), "tiny")
    with pytest.raises(UserError, match=OUTSIDE):
        allowed.source(f"{inside / 'link'}:{VARIANT}", "tiny")
    with pytest.raises(UserError, match=r"\(none\); --bundle-root adds one"):
        AllowedBundles().source(str(other), "tiny")


def test_a_root_that_is_a_link_is_where_it_leads_to_now(inside: Path, tmp_path: Path) -> None:
    second, link = written(tmp_path / "second").root, tmp_path / "current"
    link.symlink_to(inside / "tiny-1.0")
    allowed = AllowedBundles([link])
    assert allowed.source(str(link), "tiny")
    link.unlink()
    link.symlink_to(second)
    assert allowed.source(str(link), "tiny")
    with pytest.raises(UserError, match=OUTSIDE):
        allowed.source(str(inside / "tiny-1.0"), "tiny")


def test_a_variant_has_a_name_of_its_own_where_all_are_served(inside: Path) -> None:
    allowed, given = AllowedBundles([inside]), str(inside / "tiny-1.0")
    for name in ("tiny", f"tiny-{VARIANT}"):
        source = allowed.source(given, name, all_variants=True)
        assert (source.name, source.variant) == (name, VARIANT)
    for name, all_variants in ((f"tiny-{VARIANT}", False), ("tiny-torch", True), ("other", False)):
        with pytest.raises(UserError, match=f"is a bundle of 'tiny', not of '{name}'"):
            allowed.source(given, name, all_variants)


def test_of_the_registry_a_version_and_what_a_channel_means(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    for version in ("1.0", "2.0"):
        publish(written(tmp_path, version=version), Catalogue(ObjectStore(url), "tiny"))
    Catalogue(ObjectStore(url), "tiny").move("canary", "2.0")
    with pulled_from(url, None) as registry:
        allowed = AllowedBundles(registry=registry)
        for named, version in (("@1.0", "1.0"), ("@canary", "2.0"), (f"@canary:{VARIANT}", "2.0")):
            source = allowed.source(f"{url}/tiny{named}", "tiny")
            assert (source.bundle.version, source.variant) == (version, VARIANT)
        for other in (f"{url}-too/tiny@1.0", str(tmp_path / "tiny-1.0")):
            with pytest.raises(UserError, match=f"{OUTSIDE}.*and the registry {url}"):
                allowed.source(other, "tiny")


@pytest.mark.parametrize("given", ["a\0b", "x" * 10_000])
def test_what_is_no_path_is_one_line(inside: Path, given: str) -> None:
    with pytest.raises(UserError) as refused:
        AllowedBundles([inside]).source(given, "tiny")
    assert len(str(refused.value)) < 1000
    assert "\0" not in str(refused.value)
