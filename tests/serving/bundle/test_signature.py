"""Bundle signatures: only bundles signed with a trusted key are served."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.commands import run_command
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.errors import BundleError


def write_key(folder: Path, name: str, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    """NAME.pem, and the public key in NAME.pub."""
    private = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    public = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pem").write_bytes(private)
    (folder / f"{name}.pub").write_bytes(public)
    return folder / f"{name}.pem"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path, "ours", ed25519.Ed25519PrivateKey.generate())


@pytest.fixture
def trusted(key: Path) -> TrustedKeys:
    return TrustedKeys([key.with_suffix(".pub")])


@pytest.fixture
def signed(bundle: Path, key: Path, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(bundle, tmp_path / "signed"))
    bundles.write(bundles.load(copy), SigningKey(key))
    return copy


def test_what_a_trusted_key_signed_is_loaded(signed: Path, trusted: TrustedKeys) -> None:
    assert bundles.load(signed, trusted) == bundles.load(signed)


def test_what_is_not_signed_is_refused(bundle: Path, trusted: TrustedKeys) -> None:
    with pytest.raises(BundleError, match="is not signed, and has to be"):
        bundles.load(bundle, trusted)


def test_what_another_signed_is_refused_unless_it_is_trusted_too(signed: Path, key: Path, tmp_path: Path) -> None:
    other = write_key(tmp_path, "other", ed25519.Ed25519PrivateKey.generate()).with_suffix(".pub")
    with pytest.raises(BundleError, match="is not signed by a key that --require-signature names"):
        bundles.load(signed, TrustedKeys([other]))
    bundles.load(signed, TrustedKeys([other, key.with_suffix(".pub")]))


@pytest.mark.parametrize("signature", ["", "AAAA", "é", 7, ["a"], {"a": 1}])
def test_a_signature_that_is_none_is_refused(signed: Path, trusted: TrustedKeys, signature: object) -> None:
    path = signed / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"signature": signature}))
    with pytest.raises(BundleError, match=r"its signature is damaged|is not signed by a key"):
        bundles.load(signed, trusted)


def test_a_change_that_fits_the_digest_is_found_by_the_signature(signed: Path, trusted: TrustedKeys) -> None:
    """Somebody exports again and takes the signature over."""
    old = json.loads((signed / "model.json").read_text())["signature"]
    loaded = bundles.load(signed)
    bundles.write(dataclasses.replace(loaded, version="6.6"))
    path = signed / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"signature": old}))
    assert bundles.load(signed).version == "6.6"
    with pytest.raises(BundleError, match="is not signed by a key"):
        bundles.load(signed, trusted)


def test_other_keys_are_refused(key: Path, tmp_path: Path) -> None:
    curve = write_key(tmp_path, "curve", ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "empty.pem").touch()
    for path, words in [
        (curve, "is not the PEM file of an ed25519 private key without a passphrase"),
        (key.with_suffix(".pub"), "is not the PEM file of an ed25519 private key"),
        (tmp_path / "empty.pem", "is not the PEM file"),
        (tmp_path / "none.pem", "cannot be read"),
    ]:
        with pytest.raises(UserError, match=words):
            SigningKey(path)
    for path in (curve.with_suffix(".pub"), key, tmp_path / "empty.pem", tmp_path / "none.pem"):
        with pytest.raises(UserError, match="--require-signature: "):
            TrustedKeys([path])


def test_the_commands(bundle: Path, store: Path, key: Path, tmp_path: Path) -> None:
    def serving(*arguments: object, code: int = 0) -> str:
        done = run_command("-m", "torchferry", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    public = key.with_suffix(".pub")
    shutil.copytree(bundle, tmp_path / "signed")
    serving("publish", tmp_path / "signed", tmp_path / "store", "--sign", key, "--channel", "stable")
    serving("pull", f"{tmp_path}/store/digits", tmp_path / "pulled", "--require-signature", public)
    bundles.load(tmp_path / "pulled", TrustedKeys([public]))
    other = write_key(tmp_path, "other", ed25519.Ed25519PrivateKey.generate()).with_suffix(".pub")
    up = ("up", "--runtime", "torchserve", "--gateway", "none", "--require-signature", public)
    for arguments, words in [
        (("pull", f"{tmp_path}/store/digits", tmp_path / "x", "--require-signature", other), "is not signed by a key"),
        ((*up, bundle), "is not signed, and has to be"),
        ((*up, store), "is an archive, and its code is not signed"),
    ]:
        errors = serving(*arguments, code=2)
        assert words in errors
        assert len(errors.splitlines()) == 1, errors
    assert not (tmp_path / "x").exists()


def test_export_signs(run: Path, key: Path, trusted: TrustedKeys, tmp_path: Path) -> None:
    arguments = ("--variants", "onnx-fp32", "-o", tmp_path / "bundle", "--sign")
    assert run_command("-m", "torchferry", "export", run, *arguments, tmp_path / "no.pem").returncode == 2
    assert run_command("-m", "torchferry", "export", run, *arguments, key).returncode == 0
    assert bundles.load(tmp_path / "bundle", trusted).accepted == ["onnx-fp32"]
