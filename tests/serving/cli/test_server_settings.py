"""Both servers have the same options under the same names, with the same defaults."""

import dataclasses

import pytest

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
