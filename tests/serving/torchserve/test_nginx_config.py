"""nginx.conf: who is let in and how often, where nginx listens, and what it refuses with."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from torchferry.serving.cli.server_settings import HEADROOM
from torchferry.serving.net.auth import Token
from torchferry.serving.torchserve.nginx_config import Front, Upstreams, nginx_config, pid_file

FOLDER = Path("/gateway")
SECRET = 'a"b$c.*{d}\\é'
PLAIN: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 80,
    "grpc_port": 81,
    "upstreams": Upstreams("unix:/socket", 91, 93, "unix:/page"),
    "max_body_bytes": 1000,
    "timeout": 30.0,
    "max_in_flight": 8,
    "max_connections": 200,
    "max_client_connections": 200,
    **dict.fromkeys(("tokens", "tls_certificate", "tls_key", "access_log")),
}


def config(*tokens: Token, addresses: Mapping[int, Sequence[str]] | None = None, **given: Any) -> str:
    return nginx_config(Front(**PLAIN | given), FOLDER, tokens, addresses or {80: ["127.0.0.1"], 81: ["127.0.0.1"]})


def within(text: str, start: str, end: str) -> str:
    """What stands between the two, which is there once."""
    assert text.count(start) == 1
    return text.partition(start)[2].partition(end)[0]


def refusal(text: str, place: str) -> tuple[str, dict[str, str]]:
    """The headers and the JSON that a location answers with."""
    headers, _, body = text.partition(f"location @{place} {{ ")[2].partition("; }")[0].partition("return ")
    return headers, json.loads(body.partition(' "')[2].removesuffix('"').replace('\\"', '"'))


def test_nothing_of_the_template_is_left_open() -> None:
    text = config(Token("ann", "x", 2.0))
    assert not re.search(r"%\(|%%|\)s", text)
    assert text.count("{") == text.count("}")


def test_a_secret_is_taken_as_it_is_and_never_stands_in_the_file() -> None:
    text = config(Token("ann", "other"), Token("bob", SECRET), tokens=Path("tokens"))
    assert SECRET not in text
    [_, found] = re.findall(r'"~(\^\S+ \+\S+ \*\\z)" (\d+);', text)
    pattern = re.compile(found[0].replace(r"\z", r"\Z").encode())
    assert found[1] == "1"
    for right in ("Bearer {}", "bEARER   {} "):
        assert pattern.search(right.format(SECRET).encode())
    for wrong in ("Bearer x{}", "Bearer {}x", "Basic {}", "{}", "Bearer "):
        assert not pattern.search(wrong.format(SECRET).encode())
    assert not pattern.search(f"Bearer {SECRET.replace('.', 'x')}".encode())


@pytest.mark.parametrize(("tokens", "default"), [(None, '"everybody"'), (Path("tokens"), '""')])
def test_without_a_token_nobody_is_let_in_unless_there_is_no_file(tokens: Path | None, default: str) -> None:
    assert within(config(tokens=tokens), "map $http_authorization $token { default ", ";") == default


@pytest.mark.parametrize(
    ("rate", "zone", "limit", "after"),
    [
        (0.001, "rate=1r/m", "limit_req zone=token_0;", 1000),
        (0.3, "rate=18r/m", "limit_req zone=token_0;", 4),
        (1.0, "rate=60r/m", "limit_req zone=token_0;", 1),
        (2.5, "rate=150r/m", "limit_req zone=token_0 burst=2 nodelay;", 1),
    ],
)
def test_a_rate_is_so_many_a_minute_of_which_a_seconds_worth_may_come_at_once(
    rate: float, zone: str, limit: str, after: int
) -> None:
    text = config(Token("ann", "x", rate), tokens=Path("tokens"))
    assert f"zone=token_0:32k {zone};" in text
    assert text.count(limit) == 2  # REST, and gRPC
    assert within(text, "$retry_after { default 1; ", ";") == f"0 {after}"
    assert f"may ask {rate:g} times a second" in text


def test_a_token_without_a_rate_has_no_zone() -> None:
    assert "limit_req " not in config(Token("ann", "x"), tokens=Path("tokens"))


def test_a_name_with_signs_of_nginxs_language_is_only_a_name() -> None:
    text = config(Token('Bob$"\\', "x", 1.0), tokens=Path("tokens"))
    assert r'$token_name { default ""; 0 "Bob${dollar}\"\\"; }' in text


def test_it_listens_where_it_is_told_with_tls_on_both_ports_if_there_is_a_certificate() -> None:
    assert "listen 127.0.0.1:80;" in config()
    assert "listen 127.0.0.1:81 http2;" in config()
    assert "ssl_" not in config()
    where = {80: ["127.0.0.1", "::1"], 81: ["::"]}
    text = config(addresses=where, tls_certificate=Path("/c $1.pem"), tls_key=Path("/k.pem"))
    assert "listen 127.0.0.1:80 ssl; listen [::1]:80 ssl;" in text
    assert "listen [::]:81 http2 ssl ipv6only=off;" in text
    assert 'ssl_certificate "/c ${dollar}1.pem"; ssl_certificate_key "/k.pem"; ssl_protocols TLSv1.2 TLSv1.3;' in text


def test_a_gateway_that_drains_ends_connections_and_each_state_writes_its_number_elsewhere() -> None:
    starting, serving, draining = (Front(**PLAIN | given) for given in ({"upstreams": None}, {}, {"draining": True}))
    assert len({pid_file(front, FOLDER) for front in (starting, serving, draining)}) == 3
    for front, keepalive in ((starting, 75), (serving, 75), (draining, 0)):
        text = nginx_config(front, FOLDER, [], {80: ["::1"], 81: ["::1"]})
        assert ("return 595;" in text) == (front is starting)
        assert f"keepalive_timeout {keepalive};" in text
        assert f'pid "{pid_file(front, FOLDER)}";' in text


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ({"timeout": 0.25}, ["proxy_read_timeout 250ms;", "grpc_read_timeout 250ms;"]),
        ({"timeout": 0.0001}, ["proxy_read_timeout 1ms;"]),
        (
            {"max_in_flight": 7},
            ["limit_conn models_of_client 4; limit_conn models 7;", "limit_conn grpc_clients 4; limit_conn grpc 7;"],
        ),
        (
            {"max_client_connections": 9},
            [f"limit_conn {zone} 9;" for zone in ("clients", "service_clients", "ready_clients")],
        ),
        ({"max_connections": 1001}, ["worker_connections 1013;"]),
        ({"max_in_flight": 100_000}, ["limit_conn models 65535;", "limit_conn grpc 65535;"]),
        ({"max_body_bytes": 5}, ["client_max_body_size 5;", f"client_max_body_size {5 + HEADROOM};"]),
        ({"access_log_share": 0.25}, ["$sampled { 25.00% 1; * 0; }"]),
        ({"access_log_share": 0.0}, ['$sampled { * "0"; }']),
        (
            {"access_log": Path("/log")},
            ['access_log "/log" lines if=$logged;', 'split_clients $request_id $sampled { * "1"; }'],
        ),
        ({}, ["access_log off;", "server unix:/socket ", "server 127.0.0.1:91 ", "server unix:/page "]),
        ({}, ['NotFoundException" 5;', 'return 404 "{\\"error\\": \\"Not Found\\", \\"code\\": \\"unknown_model']),
        ({"is_empty": True}, ['NotFoundException" 14;', 'unavailable\\", \\"detail\\": \\"no model is loaded']),
        (
            {"trusted_proxy": ("10.0.0.0/255.0.0.0", "10.0.0.7", "::1")},
            ["set_real_ip_from 10.0.0.0/8; set_real_ip_from 10.0.0.7/32; set_real_ip_from ::1/128;"],
        ),
    ],
)
def test_limits_and_places_are_those_that_were_given(given: dict[str, Any], lines: list[str]) -> None:
    text = config(**given)
    for line in lines:
        assert line in text


@pytest.mark.parametrize(
    ("place", "code", "detail", "header"),
    [
        ("busy", "unavailable", "TorchServe did not answer, twice", 'Retry-After "1"'),
        ("too_often", "overloaded", "$too_often", 'Retry-After "$retry_after"'),
        ("too_many", "overloaded", "there are as many requests as there may be", 'Retry-After "1"'),
        ("wrong_method", "method_not_allowed", "this path takes $methods", 'Allow "$methods"'),
    ],
)
def test_refusals_are_json_with_the_requests_id(place: str, code: str, detail: str, header: str) -> None:
    headers, body = refusal(config(), place)
    assert (body["code"], body["detail"][: len(detail)], set(body)) == (code, detail, {"error", "code", "detail"})
    assert f"add_header {header} always;" in headers
    assert "add_header X-Request-Id $id always;" in headers
