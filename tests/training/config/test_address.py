"""Addresses of HTTP servers are checked, and credentials in them kept out of sight."""

import pytest

from torchferry.errors import UserError
from torchferry.training.config.address import check_address, is_address, without_credentials


@pytest.mark.parametrize(
    "url", ["http://pushgateway:9091", "https://u:p@gate.example/prefix", "http://[::1]:9091", "http://10.0.0.1"]
)
def test_an_address(url: str) -> None:
    check_address("metrics.pushgateway", url)
    assert is_address(url)


@pytest.mark.parametrize(
    "url",
    ["pushgateway:9091", "", "ftp://host", "http://", "http://host:many", "http://host:0", "http://a b", "http://h?q"],
)
def test_no_address(url: str) -> None:
    with pytest.raises(UserError, match=r"^metrics.pushgateway: '.*' is no address of an HTTP server; give one"):
        check_address("metrics.pushgateway", url)
    assert not is_address(url)


def test_a_refusal_repeats_no_credentials() -> None:
    with pytest.raises(UserError) as refused:
        check_address("metrics.pushgateway", "http://who:secret@host:many")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@host:9091/prefix", "http://host:9091/prefix"),
        ("http://u:p@ss@host", "http://host"),
        ("http://host:9091", "http://host:9091"),
    ],
)
def test_credentials_are_left_out(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
