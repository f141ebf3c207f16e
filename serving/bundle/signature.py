"""Ed25519 signatures of model.json's digest, which covers every file's checksum.

openssl genpkey -algorithm ed25519 -out signing.pem
openssl pkey -in signing.pem -pubout -out trusted.pem
"""

import argparse
import base64
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from torchferry.errors import UserError
from torchferry.serving.errors import BundleError

PREFIX = b"torchferry.bundle:"  # so that no signature of something else by the same key passes for one of a bundle


class SigningKey:
    def __init__(self, path: Path) -> None:
        """`path` is a PEM file as `openssl genpkey` writes it, without a passphrase. Raises UserError."""
        try:
            key = load_pem_private_key(_read(path, "--sign"), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _wrong(path, "--sign", "private key without a passphrase") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _wrong(path, "--sign", "private key without a passphrase")
        self.key = key

    def sign(self, digest: str) -> str:
        return base64.b64encode(self.key.sign(PREFIX + digest.encode())).decode()


class TrustedKeys:
    """Any of them will do, so that keys can be changed one after the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """PEM files as `openssl pkey -pubout` writes them. Raises UserError."""
        self.keys = [_public_key(path) for path in paths]

    def check(self, digest: str, signature: str | None, what: str) -> None:
        """Raise BundleError unless one of the keys signed the digest."""
        if signature is None:
            raise BundleError(f"{what}: is not signed, and has to be; export or publish it with --sign KEY")
        try:
            value = base64.b64decode(signature, validate=True)
        except (ValueError, TypeError) as error:
            raise BundleError(f"{what}: its signature is damaged") from error
        if not any(_signed(key, value, digest) for key in self.keys):
            raise BundleError(f"{what}: is not signed by a key that --require-signature names")


def add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--require-signature",
        type=Path,
        action="append",
        metavar="PUB",
        help="take only what this ed25519 public key, a PEM file, vouches for; several may be given",
    )


def trusted_keys(options: argparse.Namespace) -> TrustedKeys | None:
    """What `add_trust` asked for."""
    return TrustedKeys(options.require_signature) if options.require_signature else None


def _signed(key: Ed25519PublicKey, signature: bytes, digest: str) -> bool:
    try:
        key.verify(signature, PREFIX + digest.encode())
    except InvalidSignature:
        return False
    return True


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(_read(path, "--require-signature"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _wrong(path, "--require-signature", "public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _wrong(path, "--require-signature", "public key")
    return key


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{option}: {path}: cannot be read ({error.strerror}); give a key's PEM file") from error


def _wrong(path: Path, option: str, kind: str) -> UserError:
    return UserError(f"{option}: {path}: is not the PEM file of an ed25519 {kind}")
