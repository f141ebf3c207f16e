"""Vouches for a bundle or an archive: `--sign KEY`, and `--require-signature PUB` where it is read.

openssl ecparam -name prime256v1 -genkey -noout -out signing.pem
openssl pkey -in signing.pem -pubout -out trusted.pem
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificates

from torchferry.errors import UserError
from torchferry.serving.bundle.former_signature import FormerKey
from torchferry.serving.bundle.signed import Listing, Signed
from torchferry.serving.errors import BundleError

if TYPE_CHECKING:
    from torchferry.serving.bundle.openssf import TrustedKey

CURVES = (SECP256R1, SECP384R1, SECP521R1)
CURVE_NAMES = "P-256, P-384 or P-521"


class SigningKey:
    def __init__(self, path: Path, certificates: Sequence[Path] = ()) -> None:
        """PEM files: an EC key without a passphrase, its certificate and those that this hangs on. Raises UserError."""
        try:
            key = load_pem_private_key(_read(path, "--sign"), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _no_private_key(path) from error
        if isinstance(key, Ed25519PrivateKey):
            raise UserError(
                f"--sign: {path}: is an ed25519 key, with which bundles were signed before; make one with "
                "openssl ecparam -name prime256v1 -genkey -noout -out signing.pem"
            )
        if not isinstance(getattr(key, "curve", None), CURVES):
            raise _no_private_key(path)
        for certificate in certificates:
            _read(certificate, "--certificate")
        self.path, self.certificates = path, tuple(certificates)
        self.openssf = _openssf("--sign")
        self.sign(Listing("nothing", {}))  # a certificate of another key is said before anything is made

    def sign(self, listing: Listing) -> bytes:
        try:
            signature: bytes = self.openssf.signed(listing, self.path, self.certificates)
        except ValueError as error:
            names = ", ".join(map(str, self.certificates))
            raise UserError(f"--certificate: {names}: cannot be used with {self.path} ({error})") from error
        return signature


class TrustedKeys:
    """Any of them will do, so that keys can be changed one after the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """PEM files: public EC keys, certificates of authorities, and ed25519 keys of before. Raises UserError."""
        found = [_trusted(path) for path in paths]
        self.former = [key for key in found if isinstance(key, FormerKey)]
        self.keys = [key for key in found if not isinstance(key, FormerKey)]

    def check(self, signed: Signed) -> None:
        """Raise BundleError unless one of the keys signed it."""
        if signed.signature is None and signed.former is None:
            raise BundleError(f"{signed.what}: is not signed, and has to be; make or publish it with --sign KEY")
        if signed.signature is not None and any(
            key.signed(signed.listing, signed.signature, signed.what) for key in self.keys
        ):
            return
        if signed.former is not None and any(key.signed(signed.digest, signed.former) for key in self.former):
            return
        raise BundleError(f"{signed.what}: is not signed by a key that --require-signature names")


def add_signing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sign", type=Path, metavar="KEY", help="vouch for it with a private EC key, a PEM file")
    parser.add_argument(
        "--certificate",
        type=Path,
        action="append",
        metavar="PEM",
        help="of that key, by which who trusts its authority trusts it; again for each that it hangs on",
    )


def signing_key(options: argparse.Namespace) -> SigningKey | None:
    """What `add_signing` asked for. Raises UserError."""
    if options.certificate and not options.sign:
        raise UserError("--certificate: says whose key --sign is; give --sign KEY, or leave it out")
    return SigningKey(options.sign, options.certificate or ()) if options.sign else None


def add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--require-signature",
        type=Path,
        action="append",
        metavar="PUB",
        help="take only what this public EC key, or a key certified by this authority, vouches for; a PEM file; "
        "several may be given",
    )


def trusted_keys(options: argparse.Namespace) -> TrustedKeys | None:
    """What `add_trust` asked for."""
    return TrustedKeys(options.require_signature) if options.require_signature else None


def _trusted(path: Path) -> "FormerKey | TrustedKey":
    content = _read(path, "--require-signature")
    is_certificate = b"-BEGIN CERTIFICATE-" in content
    try:
        if is_certificate:
            load_pem_x509_certificates(content)
        else:
            key = load_pem_public_key(content)
            if isinstance(key, Ed25519PublicKey):
                return FormerKey(key)
            if not isinstance(getattr(key, "curve", None), CURVES):
                raise ValueError("another kind of key")
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UserError(
            f"--require-signature: {path}: is not the PEM file of a public EC key ({CURVE_NAMES}) or of a certificate"
        ) from error
    trusted: TrustedKey = _openssf("--require-signature").TrustedKey(path, is_certificate=is_certificate)
    return trusted


def _openssf(option: str) -> Any:
    try:
        from torchferry.serving.bundle import openssf
    except ImportError as error:
        raise UserError(f"{option}: {error.name} is not installed; pip install 'torchferry[signing]'") from error
    return openssf


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{option}: {path}: cannot be read ({error.strerror}); give a PEM file") from error


def _no_private_key(path: Path) -> UserError:
    words = f"is not the PEM file of a private EC key ({CURVE_NAMES}) without a passphrase"
    return UserError(f"--sign: {path}: {words}")
