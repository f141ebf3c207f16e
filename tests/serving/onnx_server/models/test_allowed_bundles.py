"""Bundles are loaded from certain folders only, whatever way leads there."""

import os
from pathlib import Path

import pytest

from tests.serving.tiny_bundle import VARIANT, written
from torchferry.errors import UserError
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles

OUTSIDE = "is outside of the folders to load from"


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    written(tmp_path / "inside")
    return tmp_path / "inside"


def test_a_root_is_a_bundle_or_holds_some(inside: Path) -> None:
    bundle = inside / "tiny-1.0"
    for root in (bundle, inside, inside.parent):
        for given in (bundle, f"{bundle}:{VARIANT}", bundle / ".." / "tiny-1.0", os.path.relpath(bundle)):
            (source,) = AllowedBundles([root]).sources(str(given))
            assert (source.name, source.variant) == ("tiny", VARIANT)


def test_what_is_outside_is_refused_whether_it_is_there_or_not(inside: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "inside-too").root
    (inside / "link").symlink_to(other)
    allowed = AllowedBundles([inside])
    for given in (other, f"{other}:{VARIANT}", inside / ".." / "inside-too" / "tiny-1.0", inside / "link", "/nowhere"):
        with pytest.raises(UserError, match=OUTSIDE):
            allowed.sources(str(given))
    with pytest.raises(UserError, match=OUTSIDE):
        allowed.sources(f"{inside / 'link'}:{VARIANT}")
    with pytest.raises(UserError, match=r"\(none\); --bundle-root adds one"):
        AllowedBundles().sources(str(other))


def test_a_root_that_is_a_link_is_where_it_leads_to_now(inside: Path, tmp_path: Path) -> None:
    second, link = written(tmp_path / "second").root, tmp_path / "current"
    link.symlink_to(inside / "tiny-1.0")
    allowed = AllowedBundles([link])
    assert allowed.sources(str(link))
    link.unlink()
    link.symlink_to(second)
    assert allowed.sources(str(link))
    with pytest.raises(UserError, match=OUTSIDE):
        allowed.sources(str(inside / "tiny-1.0"))


@pytest.mark.parametrize("given", ["a\0b", "x" * 10_000])
def test_what_is_no_path_is_one_line(inside: Path, given: str) -> None:
    with pytest.raises(UserError) as refused:
        AllowedBundles([inside]).sources(given)
    assert len(str(refused.value)) < 1000
    assert "\0" not in str(refused.value)
