"""The metrics of a run, pushed to a Pushgateway: what is left of a run that ended before anybody scraped it.

They form the group job=torchferry, run=<name>, which a later start of the run replaces.
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import unquote, urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import basic_auth_handler, default_handler, push_to_gateway

from torchferry.training.config.address import without_credentials
from torchferry.training.telemetry.sender import NoSender, Sender

EVERY_SECONDS = 10.0
TIMEOUT_SECONDS = 3.0


def pushes(url: str | None, run: str, registry: CollectorRegistry) -> Sender:
    """To the Pushgateway at `url`, http://user:password@host:port/path, of which all but the host may be missing."""
    if url is None:
        return NoSender()
    address, parts = without_credentials(url), urlsplit(url)
    handler: Callable[..., Callable[[], None]] = default_handler
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        handler = partial(basic_auth_handler, username=user, password=password)
    push = partial(
        push_to_gateway,
        address,
        job="torchferry",
        registry=registry,
        grouping_key={"run": run},
        timeout=TIMEOUT_SECONDS,
        handler=handler,
    )
    return Sender(f"metrics.pushgateway: {address}", push, EVERY_SECONDS)
