"""`python -m serving pull URL/NAME@stable FOLDER`: a published bundle, whole and checked, or nothing.

What was loaded before a pull was interrupted lies beside FOLDER and is taken up again.
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from serving import bundle as bundles
from serving.arguments import Parser
from serving.bundle import Bundle
from serving.errors import BundleError, UserError
from serving.registry.catalogue import Catalogue, located
from serving.whole_folder import flush, make_folder


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="python -m serving pull", description=__doc__)
    parser.add_argument("reference", help="URL/NAME@VERSION or URL/NAME@CHANNEL (default @stable)")
    parser.add_argument("folder", type=Path, help="where the bundle goes; must not exist")
    options = parser.parse_args(arguments)
    catalogue, wanted = located(options.reference)
    bundle = pull(catalogue, catalogue.resolve(wanted), options.folder)
    print(f"{bundle.name} {bundle.version} in {options.folder}")


def pull(catalogue: Catalogue, version: str, folder: Path) -> Bundle:
    """Raises UserError for a folder that exists, BundleError for what is damaged in the store."""
    if folder.exists():
        raise UserError(f"{folder}: exists already and is left as it is; give another, or move it away")
    manifest = catalogue.manifest(version)
    if manifest is None:
        raise UserError(f"{catalogue.store.url}/{catalogue.name}: has no version {version}")
    partial = folder.with_name(f".{folder.name}.{hashlib.sha256(manifest).hexdigest()[:12]}.partial")
    make_folder(partial)
    (partial / "model.json").write_bytes(manifest)
    bundle = bundles.load(partial)
    for relative, digest in bundle.files.items():
        _fetch(catalogue, digest, partial / relative)
    for path in [*partial.rglob("*"), partial]:
        flush(path)
    try:
        partial.rename(folder)
    except OSError as error:  # somebody was quicker
        shutil.rmtree(partial, ignore_errors=True)
        raise UserError(f"{folder}: exists already and is left as it is; give another") from error
    return bundles.load(folder)


def _fetch(catalogue: Catalogue, digest: str, target: Path) -> None:
    """Go on where the file ends that is there; it has its name only when its checksum is right."""
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    where = catalogue.object(digest)
    size = catalogue.store.size(where)
    if size is None:
        raise BundleError(f"{catalogue.store.url}/{where}: is missing; publish the bundle again")
    have = part.stat().st_size if part.is_file() else 0
    with part.open("ab") as file:
        if have < size:
            for chunk in catalogue.store.chunks(where, have):
                file.write(chunk)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        part.unlink()  # so that another try begins anew
        raise BundleError(f"{catalogue.store.url}/{where}: is damaged (its checksum differs); publish the bundle again")
    part.rename(target)
