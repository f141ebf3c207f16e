"""The signature of an archive, and so of the code in it: NAME.mar.sig, beside NAME.mar."""

import shutil
from pathlib import Path

from torchferry.files import sha256, write_whole
from torchferry.serving.bundle.signature import SigningKey, TrustedKeys
from torchferry.serving.bundle.signed import Listing, Signed
from torchferry.serving.errors import BundleError


def sign_archive(made: Path, target: Path, key: SigningKey) -> None:
    """Write the signature of the archive that was `made` and will be `target`."""
    write_whole(_signature_of(target), key.sign(Listing(target.name, {".": sha256(made)})))


def copy_signed(path: Path, copy: Path, trusted: TrustedKeys) -> None:
    """Copy an archive that one of the keys signed, so that what is served is what was checked, whatever becomes of the
    original. Raises BundleError for another; then there is no copy."""
    shutil.copyfile(path, copy)
    signature = _signature_of(path)
    held = signature.read_bytes() if signature.is_file() else None
    try:
        trusted.check(Signed(str(path), Listing(path.name, {".": sha256(copy)}), held))
    except BundleError:
        copy.unlink()
        raise


def _signature_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")
