"""Signatures in the OpenSSF model-signing format, which its own command `model_signing verify` reads as well.

The library would hash a folder itself. It is given the checksums that are known instead, so that a signature can be
judged before the files are there.
"""

import sys
import threading
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from model_signing import hashing, manifest, signing, verifying
from model_signing._hashing.hashing import Digest

from torchferry.serving.bundle.signed import Listing
from torchferry.serving.errors import BundleError

ONE_AT_A_TIME = threading.Lock()
"""For checks, which turn the process's stdout aside."""


def signed(listing: Listing, key: Path, certificates: Sequence[Path] = ()) -> bytes:
    """The signature, made with a private EC key, a PEM file; `certificates` are its own and those that this hangs on.

    Raises ValueError for a certificate that is none, or of another key.
    """
    if certificates:
        # The library wants a chain; one that holds nothing new is none.
        chain = certificates[1:] or certificates
        config = signing.Config().use_certificate_signer(
            private_key=key, signing_certificate=certificates[0], certificate_chain=chain
        )
    else:
        config = signing.Config().use_elliptic_key_signer(private_key=key)
    with TemporaryDirectory() as folder:
        file = Path(folder, "model.sig")
        config.set_hashing_config(_Known(listing)).sign(folder, file)
        return file.read_bytes()


class TrustedKey:
    """A public EC key, or certificates of authorities, a PEM file."""

    def __init__(self, path: Path, *, is_certificate: bool) -> None:
        """Raises ValueError for what is none."""
        self.path, self.is_certificate = path, is_certificate
        self._config()

    def signed(self, listing: Listing, signature: bytes, what: str) -> bool:
        """Whether it has signed these files. Raises BundleError where it has signed others."""
        known = _Known(listing)
        # It says on stdout that a signature is of an early form.
        with TemporaryDirectory() as folder, ONE_AT_A_TIME, redirect_stdout(sys.stderr):
            file = Path(folder, "model.sig")
            file.write_bytes(signature)
            try:
                self._config().set_hashing_config(known).verify(folder, file)
            except Exception as error:  # of JSON, pydantic, cryptography, OpenSSL: whichever it is, nothing was proved
                if known.asked:
                    words = "is not what was signed; get it again, or sign it with --sign"
                    raise BundleError(f"{what}: {words}") from error
                return False
        return True

    def _config(self) -> verifying.Config:
        """A new one for each check: it is told what the checksums are."""
        if self.is_certificate:
            return verifying.Config().use_certificate_verifier(certificate_chain=[self.path])
        return verifying.Config().use_elliptic_key_verifier(public_key=self.path)


class _Known(hashing.Config):
    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self.listing = listing
        self.asked = False
        """Whether the signature itself was right: only then is it compared with the files."""

    def hash(self, *_given: Any, **_ways: Any) -> manifest.Manifest:
        self.asked = True
        items = [
            manifest.FileManifestItem(path=PurePosixPath(path), digest=Digest("sha256", bytes.fromhex(digest)))
            for path, digest in self.listing.files.items()
        ]
        way = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ["model.sig"]}
        return manifest.Manifest(self.listing.name, items, manifest.SerializationType.from_args(way))
