"""`torchferry publish BUNDLE URL`: a bundle as a version that never changes, and a channel that means it."""

from collections.abc import Sequence
from pathlib import Path

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import add_signing, signing_key
from torchferry.serving.registry.catalogue import Catalogue, checked


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry publish", description=__doc__)
    parser.add_argument("bundle", type=Path, help="a bundle made by torchferry export")
    parser.add_argument("url", help="where all models lie: a folder, s3://BUCKET/PATH, gs://..., anything of fsspec")
    parser.add_argument("--channel", action="append", default=[], help="make it mean this version, such as canary")
    add_signing(parser)
    options = parser.parse_args(arguments)
    for channel in options.channel:
        checked(channel)
    key = signing_key(options)
    bundle = bundles.load(options.bundle)
    if key:
        bundles.sign(bundle, key)
    catalogue = Catalogue(ObjectStore(options.url), bundle.name)
    for channel in options.channel:
        catalogue.check_channel(channel, bundle.version)
    publish(bundle, catalogue)
    print(f"{options.url.rstrip('/')}/{bundle.name}@{bundle.version}")
    for channel in options.channel:
        move = catalogue.move(channel, bundle.version)
        print(f"{channel}: {move.before or 'nothing'} -> {move.version}")


def publish(bundle: Bundle, catalogue: Catalogue) -> None:
    """Upload what is not there whole, model.json last. Raises UserError for another bundle of that version."""
    if not bundle.accepted:
        raise UserError(f"{bundle.root}: has no accepted variant, so nobody could serve it")
    catalogue.check_version(bundle.version)
    manifest = (bundle.root / "model.json").read_bytes()
    if catalogue.manifest(bundle.version) is not None:
        catalogue.add(bundle.version, manifest)  # another bundle is refused before anything is uploaded
    signature = bundle.root / bundles.SIGNATURE
    if signature.is_file():
        catalogue.store.upload(signature, catalogue.signature(manifest))
    for relative, digest in bundle.files.items():
        source = bundle.verified(relative)
        if not catalogue.holds(digest):
            catalogue.store.upload(source, catalogue.object(digest))
    catalogue.add(bundle.version, manifest)
