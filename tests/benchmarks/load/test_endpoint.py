"""A URL becomes a host, a port and a path, and what is none is refused before anything is sent."""

from pathlib import Path

import pytest

from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.errors import UserError


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "prefix"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 8080, False, ""),
        ("http://server", "server", 80, False, ""),
        ("https://server", "server", 443, True, ""),
        ("HTTPS://server:8443/models/", "server", 8443, True, "/models"),
        ("127.0.0.1:7070", "127.0.0.1", 7070, False, ""),
        ("grpc://server:7070", "server", 7070, False, ""),
        ("grpcs://server:7070", "server", 7070, True, ""),
        ("http://[::1]:8080", "::1", 8080, False, ""),
    ],
)
def test_a_url_says_where_the_server_is(url: str, host: str, port: int, tls: bool, prefix: str) -> None:
    found = parse_endpoint(url)
    assert (found.url, found.host, found.port) == (url, host, port)
    assert (found.tls, found.prefix) == (tls, prefix)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "server",
        "grpc://server",
        "grpcs://server",
        "ftp://server",
        "http://",
        "http://server:port",
        "http://server:99999",
        "http://server/?a=1",
        "http://server/#part",
        "http://a server",
        "http://[::1",
    ],
)
def test_what_is_no_url_is_refused_with_one_that_is(url: str) -> None:
    with pytest.raises(
        UserError, match=r"is not a URL like http://127.0.0.1:8080 or, for gRPC, 127.0.0.1:7070"
    ) as error:
        parse_endpoint(url)
    assert str(error.value).startswith(f"{url}: ")


def test_port_0_is_nobodys() -> None:
    for url in ("http://h:0", "https://h:0/path", "grpc://h:0", "h:0"):
        with pytest.raises(UserError, match=f"^{url}: is not a URL"):
            parse_endpoint(url)


def test_an_ipv6_address_is_in_brackets_wherever_a_port_follows() -> None:
    found = parse_endpoint("https://[::1]:8443/path")
    assert found.authority == "[::1]:8443"
    assert found.base == "https://[::1]:8443/path"
    assert parse_endpoint("http://server/a/b/").base == "http://server:80/a/b"


def test_a_header_is_a_name_and_what_follows_the_first_colon() -> None:
    found = parse_endpoint("http://server", headers=["Authorization: Bearer a:b", "X-Empty:", " X-Tab \t:\tx "])
    assert found.headers == (("Authorization", "Bearer a:b"), ("X-Empty", ""), ("X-Tab", "x"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no colon", "'no colon' is not 'Name: value'"),
        (": value", "': value' is not 'Name: value'"),
        ("a name: x", "'a name: x' is not 'Name: value'"),
        ("N\u00e4me: x", r"'N\\xe4me: x' is not 'Name: value'"),
        ("Name: \u00e9", r"the value of Name is '\\xe9'; give printable ASCII"),
        ("Name: a\r\nOther: b", r"the value of Name is 'a\\r\\nOther: b'; give printable ASCII"),
    ],
)
def test_a_header_that_would_break_the_request_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=f"--header: {words}"):
        parse_endpoint("http://server", headers=[text])


def test_the_authoritys_certificate_has_to_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--ca: .* is not a file; give the authority's certificate as PEM"):
        parse_endpoint("https://server", ca=tmp_path)
    pem = tmp_path / "ca.pem"
    pem.touch()
    assert parse_endpoint("https://server", ca=pem).ca == pem
