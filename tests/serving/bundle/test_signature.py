"""Where a signature is required, nothing is read that a trusted key has not signed, in whichever way it is read."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.commands import run_command
from tests.serving.keys import write_certificates, write_key
from tests.serving.tiny_bundle import FILE, GOLDEN, written_external
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.errors import BundleError
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.up_onnx import find_sources
from torchferry.serving.predict.predict_command import main as predict
from torchferry.serving.torchserve.up_torchserve import find_archives


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path, "ours")


@pytest.fixture
def public(key: Path) -> Path:
    return key.with_suffix(".pub")


@pytest.fixture
def signed(tmp_path: Path, key: Path) -> Bundle:
    root = written_external(tmp_path).root
    (root / "provenance.json").write_text("{}")
    listed = {name: digest for name, digest in bundles.checksums(root).items() if name != "model.json"}
    bundle = dataclasses.replace(bundles.load(root), files=listed)
    bundles.write(bundle)
    bundles.sign(bundle, SigningKey(key))
    return bundle


def up_onnx(root: Path, public: Path) -> None:
    find_sources([str(root)], TrustedKeys([public]), Settings())


def up_torchserve(root: Path, public: Path) -> None:
    find_archives([root], root.with_name("archives"), TrustedKeys([public]))


def predict_here(root: Path, public: Path) -> None:
    rows = root.with_name("rows.npy")
    np.save(rows, GOLDEN)
    predict([str(rows), "--bundle", str(root), "--processes", "1", "--require-signature", str(public)])


READERS = [up_onnx, up_torchserve, predict_here]


def altered(relative: str) -> Callable[[Path], None]:
    def alter(root: Path) -> None:
        content = bytearray((root / relative).read_bytes())
        content[len(content) // 2] ^= 1
        (root / relative).write_bytes(content)

    return alter


def altered_and_listed(relative: str) -> Callable[[Path], None]:
    """By somebody who makes checksums and digest fit."""

    def alter(root: Path) -> None:
        altered(relative)(root)
        checksums = bundles.checksums(root)
        files = {name: checksums[name] for name in bundles.load(root).files}
        bundles.write(dataclasses.replace(bundles.load(root), files=files))

    return alter


def another_version(root: Path) -> None:
    bundles.write(dataclasses.replace(bundles.load(root), version="6.6"))


def not_listed(relative: str) -> Callable[[Path], None]:
    return lambda root: (root / relative).touch()


def removed(relative: str) -> Callable[[Path], None]:
    return lambda root: (root / relative).unlink()


ALTERATIONS = {
    "model.json": altered("model.json"),
    "model.json with its digest": another_version,
    "graph": altered(FILE),
    "weights": altered(f"{FILE}.data"),
    "weights, listed": altered_and_listed(f"{FILE}.data"),
    "golden inputs": altered("golden/inputs.npz"),
    "golden outputs": altered("golden/outputs.npz"),
    "golden outputs, listed": altered_and_listed("golden/outputs.npz"),
    "provenance": altered("provenance.json"),
    "another file": not_listed("labels.txt"),
    "another file beside the graph": not_listed(f"{FILE}.more"),
    "a file less": removed("golden/outputs.npz"),
    "signature": altered("model.sig"),
    "no signature": removed("model.sig"),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_was_signed_is_read(signed: Bundle, public: Path, reader: Callable[[Path, Path], None]) -> None:
    reader(signed.root, public)


@pytest.mark.parametrize("what", ALTERATIONS)
@pytest.mark.parametrize("reader", READERS)
def test_what_was_altered_is_read_by_nothing(
    signed: Bundle, public: Path, reader: Callable[[Path, Path], None], what: str
) -> None:
    ALTERATIONS[what](signed.root)
    with pytest.raises(BundleError):
        reader(signed.root, public)


def test_what_another_signed_is_refused_unless_it_is_trusted_too(signed: Bundle, public: Path, tmp_path: Path) -> None:
    other = write_key(tmp_path, "other").with_suffix(".pub")
    with pytest.raises(BundleError, match="is not signed by a key that --require-signature names"):
        bundles.load(signed.root, TrustedKeys([other]))
    bundles.load(signed.root, TrustedKeys([other, public]))


def test_what_nobody_signed_imports_nothing(signed: Bundle, public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of the user's is code."""
    (signed.root.parent / "theirs.py").write_text("import pathlib; pathlib.Path(__file__).with_name('ran').touch()")
    monkeypatch.syspath_prepend(signed.root.parent)
    path = signed.root / "model.json"
    content = json.loads(path.read_text()) | {"task": "theirs.Task"}
    said = {name: value for name, value in content.items() if name not in ("schema", "digest")}
    content["digest"] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="is not what was signed"):
        bundles.load(signed.root, TrustedKeys([public]))
    assert not (signed.root.parent / "ran").exists()
    with pytest.raises(BundleError, match=r"is of a task 'theirs\.Task' that this version does not know"):
        bundles.load(signed.root)  # a bundle brings its task's file, and nothing else is imported
    assert not (signed.root.parent / "ran").exists()


def test_what_is_not_whole_is_not_signed(tmp_path: Path, key: Path) -> None:
    bundle = written_external(tmp_path)
    (bundle.root / "more").touch()
    with pytest.raises(BundleError, match="more: is not listed"):
        bundles.sign(bundle, SigningKey(key))
    assert not (bundle.root / "model.sig").exists()


def test_keys_that_cannot_be_used_are_refused(key: Path, tmp_path: Path) -> None:
    former = write_key(tmp_path, "former", ed25519.Ed25519PrivateKey.generate())
    curve = write_key(tmp_path, "curve", ec.generate_private_key(ec.SECP256K1()))
    numbers = write_key(tmp_path, "numbers", rsa.generate_private_key(65537, 2048))
    (tmp_path / "empty.pem").touch()
    for path, words in [
        (former, "is an ed25519 key, with which bundles were signed before; make one with openssl ecparam"),
        (curve, r"is not the PEM file of a private EC key \(P-256, P-384 or P-521\) without a passphrase"),
        (numbers, "is not the PEM file of a private EC key"),
        (key.with_suffix(".pub"), "is not the PEM file of a private EC key"),
        (tmp_path / "empty.pem", "is not the PEM file"),
        (tmp_path / "none.pem", r"cannot be read \(No such file or directory\)"),
    ]:
        with pytest.raises(UserError, match=f"^--sign: {path}: {words}"):
            SigningKey(path)
    for path in (curve.with_suffix(".pub"), numbers.with_suffix(".pub"), key, tmp_path / "empty.pem"):
        with pytest.raises(UserError, match=f"^--require-signature: {path}: is not the PEM file of a public EC key"):
            TrustedKeys([path])
    with pytest.raises(UserError, match=r"^--require-signature: .*none\.pem: cannot be read"):
        TrustedKeys([tmp_path / "none.pem"])


def test_certificates_that_cannot_be_used_are_refused(key: Path, tmp_path: Path) -> None:
    _, _, own = write_certificates(tmp_path, key)
    other = write_key(tmp_path, "other")
    for signer, certificate, words in [
        (other, own, f"cannot be used with {other} \\(The public key from the certificate does not match"),
        (key, key, f"cannot be used with {key}"),
        (key, tmp_path / "none.crt", "cannot be read"),
    ]:
        with pytest.raises(UserError, match=f"^--certificate: {certificate}: {words}"):
            SigningKey(signer, [certificate])


@pytest.mark.parametrize("missing", ["model_signing", "OpenSSL"])
def test_without_the_library_it_is_said_how_to_get_it(public: Path, missing: str) -> None:
    code = f"import pathlib, sys; sys.modules[{missing!r}] = None; import torchferry.serving.bundle.signature as s; "
    done = run_command("-c", f"{code} s.TrustedKeys([pathlib.Path({str(public)!r})])")
    assert f"--require-signature: {missing} is not installed; pip install 'torchferry[signing]'" in done.stderr


def test_the_commands(bundle: Path, key: Path, public: Path, tmp_path: Path) -> None:
    def serving(*arguments: object, code: int = 0) -> str:
        done = run_command("-m", "torchferry", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    root, between, own = write_certificates(tmp_path, key)
    shutil.copytree(bundle, tmp_path / "signed")
    url = f"{tmp_path}/store/digits"
    certified = ("--sign", key, "--certificate", own, "--certificate", between)
    serving("publish", tmp_path / "signed", tmp_path / "store", *certified, "--channel", "stable")
    serving("pull", url, tmp_path / "pulled", "--require-signature", root)
    serving("publish", tmp_path / "signed", tmp_path / "store", "--sign", key)  # by another, and nothing else is new
    serving("pull", url, tmp_path / "again", "--require-signature", public)
    other = write_key(tmp_path, "other").with_suffix(".pub")
    for arguments, words in [
        (("pull", url, tmp_path / "x", "--require-signature", other), "is not signed by a key"),
        (("publish", bundle, tmp_path / "store", "--certificate", own), "--certificate: says whose key --sign is"),
        (("up", "--runtime", "torchserve", "--require-signature", public, bundle), "is not signed, and has to be"),
    ]:
        errors = serving(*arguments, code=2)
        assert words in errors
        assert len(errors.splitlines()) == 1, errors
    assert not (tmp_path / "x").exists()


def test_export_signs(run: Path, key: Path, public: Path, tmp_path: Path) -> None:
    arguments = ("--variants", "onnx-fp32", "-o", tmp_path / "bundle", "--sign")
    assert run_command("-m", "torchferry", "export", run, *arguments, tmp_path / "no.pem").returncode == 2
    done = run_command("-m", "torchferry", "export", run, *arguments, key)
    assert done.returncode == 0, done.stderr
    assert bundles.load(tmp_path / "bundle", TrustedKeys([public])).accepted == ["onnx-fp32"]
    assert "signature" not in json.loads((tmp_path / "bundle" / "model.json").read_text())
