"""`torchferry history URL/NAME`: a model's versions, how each was made, and every move of its channels."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.bundle.provenance import PROVENANCE, Provenance
from torchferry.serving.bundle.signature import TrustedKeys, add_trust, trusted_keys
from torchferry.serving.errors import BundleError
from torchferry.serving.registry.catalogue import Catalogue, digest_of, located
from torchferry.serving.registry.manifest import put_manifest


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry history", description=__doc__)
    parser.add_argument("model", help="URL/NAME, or URL/NAME@VERSION for all that is known of how that was made")
    add_trust(parser)
    options = parser.parse_args(arguments)
    trusted = trusted_keys(options)
    catalogue, wanted = located(options.model)
    if "@" in options.model.rpartition("/")[2]:
        lines = version_lines(catalogue, catalogue.resolve(wanted), trusted)
    else:
        lines = model_lines(catalogue, trusted)
    for line in lines:
        # What a store says may come from anybody, and a terminal obeys what cannot be seen.
        print("".join(letter if letter.isprintable() else "?" for letter in line))


def model_lines(catalogue: Catalogue, trusted: TrustedKeys | None) -> Iterator[str]:
    """Raises UserError for a model without a version."""
    versions = catalogue.versions()
    if not versions:
        raise UserError(f"{catalogue.store.url}/{catalogue.name}: has no version; publish one")
    meant = catalogue.channels()
    for version in versions:
        yield f"{version}  {', '.join(name for name, at in meant.items() if at == version)}".rstrip()
        if told := _summary(catalogue, version, trusted):
            yield f"  {told}"
    for move in catalogue.history():
        at = datetime.fromtimestamp(move.time, UTC).isoformat(timespec="seconds")
        yield f"{at}  {move.channel}: {move.before or 'nothing'} -> {move.version}"


def version_lines(catalogue: Catalogue, version: str, trusted: TrustedKeys | None) -> Iterator[str]:
    """Raises BundleError for one that none of the `trusted` keys signed, if any are given."""
    manifest = _manifest(catalogue, version)
    provenance = provenance_of(catalogue, version, manifest, trusted)
    channels = ", ".join(name for name, at in catalogue.channels().items() if at == version)
    yield f"{catalogue.name} {version}  {channels}".rstrip()
    held = catalogue.store.size(catalogue.signature(manifest)) is not None
    unchecked = "there, not checked; --require-signature PUB does" if held else "none in the OpenSSF format"
    yield f"signature  {'by a key that is trusted' if trusted else unchecked}"
    yield from provenance.lines() if provenance else ["made       by a version that did not record how"]


def provenance_of(
    catalogue: Catalogue, version: str, manifest: bytes, trusted: TrustedKeys | None
) -> Provenance | None:
    """None in a bundle of before there was one. Raises BundleError for one that is not what `manifest` lists, and where
    none of the `trusted` keys signed that, if any are given."""
    place = f"{catalogue.store.url}/{catalogue.name}@{version}"
    if trusted:
        with TemporaryDirectory() as folder:
            try:
                put_manifest(catalogue, version, manifest, Path(folder), trusted)
            except BundleError as error:
                raise BundleError(str(error).replace(folder, place)) from error
    try:
        listed = json.loads(manifest).get("files", {}).get(PROVENANCE)
    except (ValueError, AttributeError, RecursionError) as error:
        raise BundleError(f"{place}: its model.json cannot be read ({error})") from error
    if listed is None:
        return None
    content = catalogue.store.read(catalogue.object(str(listed)))
    if content is None or digest_of(content) != listed:
        raise BundleError(f"{place}: its {PROVENANCE} is damaged or missing; publish the bundle again")
    return Provenance.of(content)


def _summary(catalogue: Catalogue, version: str, trusted: TrustedKeys | None) -> str:
    """In a line; of a version that is damaged, or not signed, why nothing can be said."""
    try:
        provenance = provenance_of(catalogue, version, _manifest(catalogue, version), trusted)
    except BundleError as error:
        return str(error)
    return provenance.summary if provenance else ""


def _manifest(catalogue: Catalogue, version: str) -> bytes:
    if (manifest := catalogue.manifest(version)) is None:
        raise BundleError(f"{catalogue.store.url}/{catalogue.name}: has no version {version} any more")
    return manifest
