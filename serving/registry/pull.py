"""`torchferry pull URL/NAME@stable FOLDER`: a published bundle, whole and checked, or nothing.

What was loaded before a pull was interrupted lies beside FOLDER and is taken up again.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.files import flush, sha256
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import TrustedKeys, add_trust, trusted_keys
from torchferry.serving.errors import BundleError
from torchferry.serving.registry.catalogue import Catalogue, located
from torchferry.serving.registry.channels import newer
from torchferry.serving.registry.manifest import put_manifest
from torchferry.whole_folder import make_folder


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry pull", description=__doc__)
    parser.add_argument("reference", help="URL/NAME@VERSION or URL/NAME@CHANNEL (default @stable)")
    parser.add_argument("folder", type=Path, help="where the bundle goes; must not exist")
    parser.add_argument(
        "--allow-downgrade", action="store_true", help="take what the channel means though it has had a newer version"
    )
    add_trust(parser)
    options = parser.parse_args(arguments)
    trusted = trusted_keys(options)
    catalogue, version = located_version(options.reference, allow_downgrade=options.allow_downgrade)
    bundle = pull(catalogue, version, options.folder, trusted)
    print(f"{bundle.name} {bundle.version} in {options.folder}")


def located_version(reference: str, *, allow_downgrade: bool = False) -> tuple[Catalogue, str]:
    """What it means now. Raises UserError, also for a channel that has had a newer version."""
    catalogue, wanted = located(reference)
    version = catalogue.resolve(wanted)
    if catalogue.channel(wanted) is not None and not allow_downgrade:
        check_not_older(catalogue, wanted, version)
    return catalogue, version


def check_not_older(catalogue: Catalogue, channel: str, version: str) -> None:
    """Raise UserError for a version older than one that the channel has had: somebody may want its faults back."""
    if after := newer(catalogue, channel, version):
        raise UserError(
            f"{catalogue.store.url}/{catalogue.name}@{channel}: means {version}, which is older than {after}, which it "
            f"has meant before; if that is wanted, give --allow-downgrade, or name the version with @{version}"
        )


def pull(catalogue: Catalogue, version: str, folder: Path, trusted: TrustedKeys | None = None) -> Bundle:
    """Raises UserError for a folder that exists, BundleError for what is damaged in the store or not signed by one of
    the `trusted` keys, if any are given."""
    if folder.exists():
        raise UserError(f"{folder}: exists already and is left as it is; give another, or move it away")
    manifest = catalogue.manifest(version)
    if manifest is None:
        raise UserError(f"{catalogue.store.url}/{catalogue.name}: has no version {version}")
    partial = folder.with_name(f".{folder.name}.{hashlib.sha256(manifest).hexdigest()[:12]}.partial")
    make_folder(partial)
    with _alone(partial, folder):
        bundle = put_manifest(catalogue, version, manifest, partial, trusted)
        for relative, digest in bundle.files.items():
            _fetch(catalogue, digest, partial / relative)
        bundles.load(partial, trusted)
        for path in [*partial.rglob("*"), partial]:
            flush(path)
        try:
            partial.rename(folder)
        except OSError as error:  # somebody was quicker
            shutil.rmtree(partial, ignore_errors=True)
            raise UserError(f"{folder}: exists already and is left as it is; give another") from error
    return bundles.load(folder)


@contextmanager
def _alone(partial: Path, folder: Path) -> Iterator[None]:
    """Raise UserError while another process pulls the same version into the same folder."""
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise UserError(f"{folder}: another pull is writing it; wait for that, or give another folder") from error
    except OSError:  # NFS has no locks for folders; two pulls at once can fail there
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def _fetch(catalogue: Catalogue, digest: str, target: Path) -> None:
    """Go on where the file ends that is there; it has its name only when its checksum is right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    if target.is_file():
        target.rename(part)  # to be checked again: a crash may have cut it
    where = catalogue.object(digest)
    size = catalogue.store.size(where)
    if size is None:
        raise BundleError(f"{catalogue.store.url}/{where}: is missing; publish the bundle again")
    have = part.stat().st_size if part.is_file() else 0
    for start in dict.fromkeys((have, 0)):  # from the beginning, if what was there was damaged itself
        with part.open("ab" if start else "wb") as file:
            if start < size:
                for chunk in catalogue.store.chunks(where, start):
                    file.write(chunk)
        if sha256(part) == digest:
            part.rename(target)
            return
    part.unlink()  # so that another try begins anew
    raise BundleError(f"{catalogue.store.url}/{where}: is damaged (its checksum differs); publish the bundle again")
