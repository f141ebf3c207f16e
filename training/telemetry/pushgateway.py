"""The metrics of a run, pushed to a Pushgateway: what is left of a run that ended before anybody scraped it.

They form the group job=torchferry, run=<name>, which a later start of the run replaces.
"""

from functools import partial
from urllib.parse import SplitResult, unquote, urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import basic_auth_handler, push_to_gateway

from torchferry.training.config.address import without_credentials
from torchferry.training.telemetry.sender import NoSender, Sender

EVERY_SECONDS = 10.0
TIMEOUT_SECONDS = 3.0


def pushes(url: str | None, run: str, registry: CollectorRegistry) -> Sender:
    """To the Pushgateway at `url`, http://user:password@host:port/path, of which all but the host may be missing."""
    if url is None:
        return NoSender()
    address, parts = without_credentials(url), urlsplit(url)
    push = partial(
        push_to_gateway,
        address,
        job="torchferry",
        registry=registry,
        grouping_key={"run": run},
        timeout=TIMEOUT_SECONDS,
        handler=partial(basic_auth_handler, **_credentials(parts)),
    )
    return Sender(f"metrics.pushgateway: {address}", push, EVERY_SECONDS)


def _credentials(parts: SplitResult) -> dict[str, str | None]:
    if parts.username is None:
        return {"username": None, "password": None}
    return {"username": unquote(parts.username), "password": unquote(parts.password or "")}
