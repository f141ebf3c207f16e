"""Both servers have the same options under the same names, with the same defaults."""

import dataclasses
from typing import Any

import pytest

from torchferry.serving.cli.options import WrongOption
from torchferry.serving.cli.server_settings import ServerSettings
from torchferry.serving.onnx_server.settings import Settings as OnnxServer
from torchferry.serving.torchserve.settings import Settings as TorchServe


@pytest.mark.parametrize("server", [OnnxServer, TorchServe])
def test_a_server_takes_the_shared_options_as_they_are(server: type[ServerSettings]) -> None:
    own = {field.name: field for field in dataclasses.fields(server)}
    for field in dataclasses.fields(ServerSettings):
        assert (own[field.name].default, own[field.name].metadata) == (field.default, field.metadata)


def test_an_option_of_both_is_declared_once() -> None:
    """`threads` means the cores of a session on one, of a worker on the other; `max_answer_bytes` is smaller where a
    longer answer ends a worker."""
    shared = {field.name for field in dataclasses.fields(ServerSettings)}
    names = [{field.name for field in dataclasses.fields(server)} - shared for server in (OnnxServer, TorchServe)]
    assert names[0] & names[1] == {"threads", "max_answer_bytes"}


def test_a_trusted_proxy_is_an_address_or_a_network() -> None:
    assert ServerSettings(trusted_proxy=("10.0.0.7", "10.0.0.0/8", "::1", "fd00::/8")).trusted_proxy[1] == "10.0.0.0/8"
    for wrong, says in (
        ("10.0.0.7/8", "10.0.0.7/8 is an address inside a network; give 10.0.0.0/8 for the network"),
        ("proxy.example", "'proxy.example' is no address or network; give one, as 10.0.0.7 or 10.0.0.0/8"),
        ("fe80::1%eth0", "'fe80::1%eth0' is no address or network"),
        ("", "'' is no address or network"),
    ):
        with pytest.raises(WrongOption) as told:
            ServerSettings(trusted_proxy=(wrong,))
        assert says in str(told.value)


@pytest.mark.parametrize("name", ["max_connections", "max_client_connections"])
def test_a_bound_of_nothing_is_refused(name: str) -> None:
    given: dict[str, Any] = {name: 0}
    with pytest.raises(WrongOption, match="give a number above 0"):
        ServerSettings(**given)
