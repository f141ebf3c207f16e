"""A model's versions with their channels, how each was made, and every move; one version with all that is known."""

import json
import time
from pathlib import Path

import pytest

from tests.serving.keys import write_key
from tests.serving.registry.conftest import written
from tests.serving.tiny_bundle import FILE, described
from torchferry.errors import UserError
from torchferry.files import sha256
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import SigningKey
from torchferry.serving.errors import BundleError
from torchferry.serving.export.statement import Origin, statement
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.history import main
from torchferry.serving.registry.publish import publish

MADE = {"exported": "2026-01-02T03:04:05+00:00", "onnx": "1.23"}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path, "ours")


@pytest.fixture
def two(tmp_path: Path, key: Path) -> Catalogue:
    """1.0 of before provenance, and 2.0, which is signed."""
    catalogue = Catalogue(ObjectStore(str(tmp_path / "store")), "tiny")
    publish(written(tmp_path / "one", b"content"), catalogue)
    root = tmp_path / "two"
    (root / FILE).parent.mkdir(parents=True)
    (root / FILE).write_bytes(b"more")
    made = described(root, version="2.0", files=bundles.checksums(root), provenance=MADE)
    origin = Origin(recipe={"seed": 3}, steps={"model/weights.safetensors": "2" * 64})
    (root / "provenance.json").write_text(json.dumps(statement(made, origin)))
    made = described(root, version="2.0", files=bundles.checksums(root), provenance=MADE)
    bundles.write(made)
    bundles.sign(made, SigningKey(key))
    publish(made, catalogue)
    return catalogue


def test_the_versions_come_with_their_channels_and_then_the_moves_with_their_time(
    two: Catalogue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seconds, channel in ((0, "stable"), (86400, "beta")):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: float(seconds))
        two.move(channel, "2.0")
    main([f"{two.store.url}/tiny"])
    assert capsys.readouterr().out.splitlines() == [
        "1.0",
        "2.0  beta, stable",
        "  made 2026-01-02T03:04:05+00:00; model/weights.safetensors 222222222222",
        "1970-01-01T00:00:00+00:00  stable: nothing -> 2.0",
        "1970-01-02T00:00:00+00:00  beta: nothing -> 2.0",
    ]


def test_one_version_comes_with_all_that_is_known_of_it(
    two: Catalogue, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two.move("stable", "2.0")
    main([f"{two.store.url}/tiny@stable", "--require-signature", str(key.with_suffix(".pub"))])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["tiny 2.0  stable", "signature  by a key that is trusted", f"made       {MADE['exported']}"]
    assert f"steps      model/weights.safetensors: {'2' * 64}" in lines
    assert f"           {FILE}: {sha256(tmp_path / 'two' / FILE)}" in lines
    main([f"{two.store.url}/tiny@2.0"])
    assert capsys.readouterr().out.splitlines()[1] == "signature  there, not checked; --require-signature PUB does"
    main([f"{two.store.url}/tiny@1.0"])
    assert capsys.readouterr().out.splitlines() == [
        "tiny 1.0",
        "signature  none in the OpenSSF format",
        "made       by a version that did not record how",
    ]


def test_where_a_signature_is_required_nothing_else_is_told(
    two: Catalogue, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, ours = f"{two.store.url}/tiny", str(key.with_suffix(".pub"))
    other = str(write_key(tmp_path, "other").with_suffix(".pub"))
    with pytest.raises(BundleError, match=rf"^{url}@1\.0: is not signed, and has to be"):
        main([f"{url}@1.0", "--require-signature", ours])
    with pytest.raises(BundleError, match=rf"^{url}@2\.0: is not signed by a key"):
        main([f"{url}@2.0", "--require-signature", other])
    main([url, "--require-signature", ours])
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[1].startswith(f"  {url}@1.0: is not signed")) == ("1.0", True)
    assert lines[2:] == ["2.0", "  made 2026-01-02T03:04:05+00:00; model/weights.safetensors 222222222222"]


def test_provenance_that_was_altered_is_not_told(two: Catalogue, tmp_path: Path) -> None:
    digest = sha256(tmp_path / "two" / "provenance.json")
    two.store.write(two.object(digest), b"{}")
    with pytest.raises(BundleError, match=r"@2\.0: its provenance\.json is damaged or missing; publish the bundle"):
        main([f"{two.store.url}/tiny@2.0"])


@pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b'{"files": [1]}', b'{"files": {"provenance.json": 1}}'])
def test_a_manifest_that_is_none_is_said_in_a_line(
    tmp_path: Path, manifest: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = Catalogue(ObjectStore(str(tmp_path)), "tiny")
    catalogue.add("1.0", manifest)
    main([f"{tmp_path}/tiny"])
    assert len(capsys.readouterr().out.splitlines()) <= 2


def test_what_a_terminal_would_obey_is_not_printed(
    two: Catalogue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torchferry.serving.registry.history.model_lines", lambda *_: ["1.0 \x1b[2J\n"])
    main([f"{two.store.url}/tiny"])
    assert capsys.readouterr().out == "1.0 ?[2J?\n"


def test_a_model_without_a_version_has_no_history(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/digits: has no version; publish one$"):
        main([f"{tmp_path}/digits"])
