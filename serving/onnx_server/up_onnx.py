"""`torchferry up --runtime onnx BUNDLE...`: serve bundles without torch and without Java."""

import asyncio
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import TrustedKeys, add_trust, trusted_keys
from torchferry.serving.cli.settings_file import parse
from torchferry.serving.net.ready_file import check_ready_file
from torchferry.serving.onnx_server.models.absent import Key, say_skipped
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles
from torchferry.serving.onnx_server.models.channels import channel_option
from torchferry.serving.onnx_server.models.pulled_bundles import pulled_from
from torchferry.serving.onnx_server.models.repository import Source, path_and_variant, sources
from torchferry.serving.onnx_server.models.versions import STABLE, Channel, Channels
from torchferry.serving.onnx_server.settings import Settings

SWITCH_SECONDS = 0.0005
"""After which a thread that has decoded or computed gets the interpreter back from the event loop; Python's own 5 ms
are longer than most answers take."""


def main(arguments: Sequence[str]) -> None:
    # Read when grpc is imported. It writes a line for each handshake that fails, with the name that the client sent.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        import uvloop

        from torchferry.serving.onnx_server.server import serve
    except ImportError as error:
        raise UserError(f"{error.name} is not installed; pip install 'torchferry[onnx-server]'") from error
    parser = Parser(prog="torchferry up --runtime onnx", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="BUNDLE[:VARIANT]", help="bundles; of each the variant it chose")
    parser.add_argument(
        "--channel",
        dest="channels",
        action="append",
        default=[],
        type=channel_option,
        metavar="MODEL/CHANNEL=VERSION[@WEIGHT]",
        help="which version a channel means, and its share of the requests; may be repeated",
    )
    Settings.add_options(parser)
    add_trust(parser)
    options = parse(parser, "up", arguments, Settings)
    settings, trusted = Settings.of(options), trusted_keys(options)
    check_ready_file(settings.ready_file)
    models = [with_variant(given, settings.variant) for given in options.models]
    found, failures = find_sources(models, trusted, settings)
    channels = find_channels(options.channels, found, failures)
    roots = settings.bundle_root or [path_and_variant(given)[0] for given in models]
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        with pulled_from(settings.registry, trusted) as registry:
            serving = serve(settings, found, failures, channels, AllowedBundles(roots, trusted, registry))
            asyncio.Runner(loop_factory=uvloop.new_event_loop).run(serving)
        status = 0
    except UserError as error:
        print(f"torchferry: {error}", file=sys.stderr)
        status = 2
    _end(status)


def _end(status: int) -> NoReturn:
    """The interpreter would wait for its threads first, of which one may be decoding, loading or in a session."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it has gone
            stream.flush()
    os._exit(status)


def with_variant(given: str, variant: str) -> str:
    """BUNDLE as BUNDLE:VARIANT; what names a variant itself stays as it is."""
    return f"{given}:{variant}" if variant and os.path.exists(given) else given


def find_sources(
    models: Sequence[str], trusted: TrustedKeys | None, settings: Settings
) -> tuple[list[Source], dict[Key, str]]:
    """What is to be served; with --skip-broken what cannot be, too, and why. Raises UserError, also where two bundles
    have one name and version."""
    found: list[Source] = []
    failures: dict[Key, str] = {}
    for given in models:
        try:
            found += sources(given, trusted, settings.all_variants)
        except UserError as error:
            if not settings.skip_broken:
                raise
            failures[bundles.said_name(path_and_variant(given)[0]) or (given, "")] = str(error)
            say_skipped(error)
    keys = [*((source.name, source.bundle.version) for source in found), *failures]
    for name, version in keys:
        if keys.count((name, version)) > 1:
            raise UserError(f"{name} {version}: is given more than once; serve each version from one bundle")
    if not found:
        raise UserError("none of the bundles can be served")
    return found, failures


def find_channels(
    given: Sequence[tuple[str, str, Channel]], found: Sequence[Source], failures: Collection[Key] = ()
) -> Mapping[str, Channels]:
    """By model, what was asked for. Raises UserError for versions that nobody gave."""
    channels: dict[str, dict[str, Channel]] = {}
    for model, name, channel in given:
        versions = [source.bundle.version for source in found if source.name == model]
        if channel.version not in versions and (model, channel.version) not in failures:
            known = ", ".join(versions) or "none"
            raise UserError(f"--channel {model}/{name}: {model} {channel.version} is not served; versions are {known}")
        stable = {STABLE: Channel(versions[-1])} if versions else {}
        channels.setdefault(model, stable)[name] = channel
    return channels
