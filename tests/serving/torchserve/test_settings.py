"""Settings of the TorchServe runtime, its ports with and without a gateway, and its config.properties."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from torchferry.errors import UserError
from torchferry.serving.cli.server_settings import HEADROOM
from torchferry.serving.torchserve.settings import (
    LISTENS_AT,
    MOST_BYTES,
    Ports,
    Settings,
    Sockets,
    config_properties,
)

ANY: dict[str, Any] = {"port": 0, "grpc_port": 0, "metrics_port": 0}
PORTS = Ports(1, 2, 4, 6, 7, 8)


def properties(**given: Any) -> dict[str, str]:
    text = config_properties(Settings(**given), PORTS, Path("/store"), Sockets(Path("/folder")))
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        *(({name: 0}, f"{name}: 0 is not valid; give a number above 0") for name in ("max_queue", "max_body_bytes")),
        *(({name: 0.0}, f"{name}: 0.0 is not valid; give a number above 0") for name in ("timeout", "drain_timeout")),
        ({"threads": -1}, "threads: -1 is not valid; give 0 or more"),
        ({"max_answer_bytes": 9}, "max_answer_bytes: 9 is not valid; give 4096 to 2147418111"),
        ({"tls_key": Path("k")}, "tls_certificate and --tls_key: give both or none"),
        ({"tls_certificate": Path("c")}, "tls_certificate and --tls_key: give both or none"),
        *(
            ({name: Path("f"), "gateway": "none"}, f"{name}: is for the gateway; leave --gateway none out")
            for name in ("tokens", "access_log")
        ),
        (
            {"trusted_proxy": ("::1",), "gateway": "none"},
            "trusted_proxy: is for the gateway; leave --gateway none out",
        ),
        (
            {"tls_certificate": Path("c"), "tls_key": Path("k"), "gateway": "none"},
            "tls_certificate: is for the gateway; leave --gateway none out",
        ),
    ],
)
def test_what_does_not_do_is_named_by_its_option(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as refused:
        Settings(**given)
    assert str(refused.value).startswith("--" + words.replace("_", "-"))


def test_without_a_gateway_torchserve_has_the_ports_that_clients_ask() -> None:
    ports = Ports.claim(Settings(gateway="none", **ANY))
    assert ports.inner_grpc == ports.grpc
    assert len(set(dataclasses.astuple(ports))) == 5


def test_behind_a_gateway_it_has_its_own() -> None:
    ports = Ports.claim(Settings(gateway="nginx", **ANY))
    assert len(set(dataclasses.astuple(ports))) == 6
    assert min(dataclasses.astuple(ports)) > 0


def test_a_port_that_is_taken_or_given_twice_is_named_by_its_option(free_port_in_use: int) -> None:
    for option in ANY:
        words = f"^--{option.replace('_', '-')}: cannot listen on 127.0.0.1:{free_port_in_use} "
        with pytest.raises(UserError, match=words):
            Ports.claim(Settings(**ANY | {option: free_port_in_use}))
    free = free_port()
    with pytest.raises(UserError, match=f"^--metrics-port: {free} is another port of this server already"):
        Ports.claim(Settings(port=free, grpc_port=0, metrics_port=free))


def test_torchserve_listens_for_a_gateway_alone_and_where_it_is_told_without_one() -> None:
    behind, alone = properties(host="0.0.0.0"), properties(host="0.0.0.0", gateway="none")
    assert (behind["inference_address"], alone["inference_address"]) == ("unix:/folder/inference", "http://0.0.0.0:1")
    for found, host in ((behind, "127.0.0.1"), (alone, "0.0.0.0")):
        assert (found["grpc_inference_address"], found["grpc_inference_port"]) == (host, "4")
        assert found["metrics_address"] == "unix:/folder/metrics"
        assert found["management_address"] == "unix:/folder/management"
        assert (found["grpc_management_address"], found["grpc_management_port"]) == ("127.0.0.1", "8")


@pytest.mark.parametrize("host", ["::", "::1"])
def test_an_address_of_ipv6_has_a_name_where_torchserve_listens_there(host: str) -> None:
    alone = Settings(host=host, gateway="none")
    assert alone.hosts_file == f"{host} {LISTENS_AT}\n"
    found = properties(host=host, gateway="none")
    assert (found["inference_address"], found["grpc_inference_address"]) == (f"http://{LISTENS_AT}:1", LISTENS_AT)
    assert Settings(host=host).hosts_file == Settings(gateway="none").hosts_file == ""


def test_torchserve_is_never_full_before_its_gateway() -> None:
    assert properties(max_queue=10)["job_queue_size"] == "40"
    assert properties(max_queue=10, gateway="none")["job_queue_size"] == "10"


def test_limits_are_the_gateways_where_there_is_one() -> None:
    assert properties(max_body_bytes=99)["max_request_size"] == str(MOST_BYTES)
    assert properties(max_body_bytes=99, gateway="none")["max_request_size"] == "99"
    assert properties(max_answer_bytes=5000)["max_response_size"] == str(5000 + HEADROOM)


def test_models_come_from_the_store_alone() -> None:
    found = properties()
    assert (found["model_store"], found["load_models"], found["allowed_urls"]) == ("/store", "all", "file:///store/.*")
    assert found["install_py_dep_per_model"] == found["enable_envvars_config"] == "false"


def test_torchserve_gets_other_ports_and_clients_ask_where_they_did() -> None:
    settings = Settings(gateway="nginx", **ANY)
    first = Ports.claim(settings)
    second = first.renewed(settings)
    ours = ("rest", "grpc", "page", "management")
    assert [getattr(first, name) for name in ours] == [getattr(second, name) for name in ours]
    assert first.inner_grpc not in dataclasses.astuple(second)
    alone = first.renewed(Settings(gateway="none", **ANY))
    assert alone.grpc == alone.inner_grpc
    assert (alone.rest, alone.grpc) != (first.rest, first.grpc)
