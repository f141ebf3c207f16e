"""Signatures that model_signing's own command takes, and those that it makes."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.commands import run_command
from tests.serving.keys import write_certificates, write_key
from tests.serving.tiny_bundle import written_external
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.openssf import TrustedKey, signed
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.bundle.signed import Listing
from torchferry.serving.errors import BundleError

FILES = {"model.json": "00" * 32, "golden/inputs.npz": "11" * 32}
LISTING = Listing("tiny", FILES)


def model_signing(*arguments: object) -> str:
    done = run_command("-m", "model_signing", *arguments)
    return done.stdout + done.stderr


def trusted_key(path: Path) -> TrustedKey:
    return TrustedKey(path, is_certificate=path.suffix == ".crt")


def test_whoever_signed_is_known_by_a_key_or_by_an_authority(tmp_path: Path) -> None:
    key, other = write_key(tmp_path, "ours"), write_key(tmp_path, "other")
    root, between, own = write_certificates(tmp_path, key)
    by_key, by_certificate = signed(LISTING, key), signed(LISTING, key, [own, between])
    assert trusted_key(key.with_suffix(".pub")).signed(LISTING, by_key, "it")
    assert trusted_key(root).signed(LISTING, by_certificate, "it")
    assert not trusted_key(other.with_suffix(".pub")).signed(LISTING, by_key, "it")
    assert not trusted_key(root).signed(LISTING, by_key, "it")
    assert not trusted_key(root).signed(LISTING, signed(LISTING, key, [own]), "it")  # what is between is missing
    (tmp_path / "of another").mkdir()
    foreign, *_ = write_certificates(tmp_path / "of another", other)
    assert not trusted_key(foreign).signed(LISTING, by_certificate, "it")


def test_a_certificate_by_the_authority_itself_needs_none_between(tmp_path: Path) -> None:
    key = write_key(tmp_path, "ours")
    _, between, own = write_certificates(tmp_path, key)
    # What is trusted may be any authority; OpenSSL wants to reach a root.
    root = tmp_path / "root.crt"
    both = tmp_path / "both.crt"
    both.write_bytes(root.read_bytes() + between.read_bytes())
    assert trusted_key(both).signed(LISTING, signed(LISTING, key, [own]), "it")


@pytest.mark.parametrize(
    "files",
    [
        FILES | {"more": "22" * 32},
        FILES | {"model.json": "22" * 32},
        {"model.json": "00" * 32},
        FILES | {"model.json": "no checksum"},
    ],
)
def test_other_files_than_those_that_were_signed_are_refused(tmp_path: Path, files: dict[str, str]) -> None:
    key = write_key(tmp_path, "ours")
    with pytest.raises(BundleError, match=r"^it: is not what was signed; get it again"):
        trusted_key(key.with_suffix(".pub")).signed(Listing("tiny", files), signed(LISTING, key), "it")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"verificationMaterial": {}}'])
def test_what_is_no_signature_proves_nothing(tmp_path: Path, content: bytes) -> None:
    key = write_key(tmp_path, "ours")
    assert not trusted_key(key.with_suffix(".pub")).signed(LISTING, content, "it")


def test_their_command_takes_ours_and_finds_what_was_altered(tmp_path: Path) -> None:
    key = write_key(tmp_path, "ours")
    root, between, own = write_certificates(tmp_path, key)
    bundle = written_external(tmp_path)
    signature = bundle.root / "model.sig"
    by_key = ("verify", "key", bundle.root, "--signature", signature, "--public_key", key.with_suffix(".pub"))
    bundles.sign(bundle, SigningKey(key))
    assert "Verification succeeded" in model_signing(*by_key)
    bundles.sign(bundle, SigningKey(key, [own, between]))
    by_certificate = ("verify", "certificate", bundle.root, "--signature", signature, "--certificate_chain", root)
    assert "Verification succeeded" in model_signing(*by_certificate)
    (bundle.root / "golden" / "inputs.npz").write_bytes(b"other")
    assert "Verification failed" in model_signing(*by_certificate)


def test_what_their_command_signed_is_taken_if_it_signed_everything(tmp_path: Path) -> None:
    key = write_key(tmp_path, "ours")
    bundle, trusted = written_external(tmp_path), TrustedKeys([key.with_suffix(".pub")])
    sign = ("sign", "key", bundle.root, "--signature", bundle.root / "model.sig", "--private_key", key)
    assert "Signing succeeded" in model_signing(*sign)
    assert bundles.load(bundle.root, trusted) == bundles.load(bundle.root)
    assert "Signing succeeded" in model_signing(*sign, "--ignore-paths", bundle.root / "golden")
    with pytest.raises(BundleError, match="is not what was signed"):
        bundles.load(bundle.root, trusted)


def test_a_server_that_asks_for_no_signature_does_not_load_the_library() -> None:
    code = "import sys, torchferry.serving.bundle.signature; print('model_signing' in sys.modules)"
    assert run_command("-c", code).stdout == "False\n"


def test_checks_at_once_are_each_of_their_own_files_and_leave_stdout_alone(tmp_path: Path) -> None:
    key = write_key(tmp_path, "ours")
    trusted, signature, before = trusted_key(key.with_suffix(".pub")), signed(LISTING, key), sys.stdout
    evil = Listing("tiny", FILES | {"model.json": "22" * 32})

    def accepted(listing: Listing) -> bool:
        try:
            return trusted.signed(listing, signature, "it")
        except BundleError:
            return False

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(accepted, [LISTING, evil] * 50))
    assert found == [True, False] * 50
    assert sys.stdout is before
