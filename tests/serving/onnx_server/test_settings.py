"""Command-line options of the ONNX Runtime server, and the refusal of values out of range."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest

from torchferry.errors import UserError
from torchferry.serving.onnx_server.settings import Settings

OPTIONS = {
    *("--host", "--port", "--grpc-port", "--metrics-port", "--admin-port", "--ready-file"),
    *("--unix-socket", "--grpc-unix-socket", "--admin-host", "--bundle-root", "--registry", "--metrics-tokens"),
    *(
        "--variant",
        "--all-variants",
        "--sessions",
        "--threads",
        "--max-batch",
        "--max-batch-elements",
        "--tune",
        "--max-delay-ms",
    ),
    *(
        "--max-delay-ms",
        "--load-timeout",
        "--provider",
        "--max-queue",
        "--timeout",
        "--drain-timeout",
        "--body-timeout",
        "--max-body-bytes",
    ),
    *("--max-request-pixels", "--max-padding", "--max-answer-bytes"),
    *("--max-request-batch", "--cache-bytes", "--buckets", "--cors-origin", "--access-log", "--tokens"),
    *("--access-log-share", "--grpc-engine", "--skip-broken"),
    *("--tls-certificate", "--tls-key", "--sequences", "--sequence-timeout"),
    *("--max-connections", "--max-client-connections", "--trusted-proxy"),
}


def parsed(*arguments: str) -> Settings:
    parser = argparse.ArgumentParser()
    Settings.add_options(parser)
    return Settings.of(parser.parse_args(arguments))


def said(name: str, value: Any) -> Settings:
    given: dict[str, Any] = {name: value}
    return Settings(**given)


def test_the_command_line_has_these_options_and_no_others() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    Settings.add_options(parser)
    assert set(re.findall(r"--[a-z-]+", parser.format_usage())) == OPTIONS


def test_the_command_line_fills_the_settings() -> None:
    assert parsed() == Settings()
    tls = ("--tls-key", "k", "--tls-certificate", "c")
    given = parsed("--max-queue", "3", "--tune", "--timeout", "1.5", "--tokens", "t", *tls)
    assert (given.max_queue, given.tune, given.timeout, given.tokens) == (3, True, 1.5, Path("t"))
    assert (given.tls_key, given.tls_certificate) == (Path("k"), Path("c"))


@pytest.mark.parametrize("name", ["max_queue", "max_body_bytes", "max_request_batch", "max_request_pixels"])
@pytest.mark.parametrize("value", [0, -1])
def test_what_would_let_nothing_in_is_refused(name: str, value: int) -> None:
    words = f"--{name.replace('_', '-')}: {value} is not valid; give a number above 0"
    with pytest.raises(UserError, match=re.escape(words)):
        said(name, value)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_share_of_padding_is_between_none_and_all(value: float) -> None:
    with pytest.raises(UserError, match=re.escape(f"--max-padding: {value} is not valid; give a share, 0 to 1")):
        said("max_padding", value)


@pytest.mark.parametrize("name", ["timeout", "body_timeout", "drain_timeout", "load_timeout", "sequence_timeout"])
def test_no_time_at_all_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"--{name.replace('_', '-')}: 0.0 is not valid; give a number above 0"):
        said(name, 0.0)


@pytest.mark.parametrize(
    "name", ["sessions", "threads", "max_batch", "max_batch_elements", "max_delay_ms", "cache_bytes", "sequences"]
)
def test_what_may_be_left_to_the_server_is_zero_but_not_less(name: str) -> None:
    said(name, 0)
    with pytest.raises(UserError, match=f"--{name.replace('_', '-')}: -1 is not valid; give 0 or more"):
        said(name, -1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"access_log_share": 1.1}, "--access-log-share: 1.1 is not valid; give a share, 0 to 1"),
        ({"access_log_share": -0.1}, "--access-log-share: -0.1 is not valid; give a share, 0 to 1"),
        ({"access_log": Path("/")}, "--access-log: / cannot be a file; give a path in a folder that exists"),
        ({"access_log": Path("/none/a")}, "--access-log: /none/a cannot be a file; give a path in a folder that"),
        ({"max_answer_bytes": 100}, "--max-answer-bytes: 100 is not valid; give 262144 to 2147418112"),
        ({"max_answer_bytes": 2**31}, "--max-answer-bytes: 2147483648 is not valid; give 262144 to 2147418112"),
        ({"admin_host": ("ours", "http://ours")}, "--admin-host: http://ours is not a host's name; give it alone"),
        ({"admin_host": ("ours:8081",)}, "--admin-host: ours:8081 is not a host's name"),
        ({"bundle_root": (Path("/nowhere"),)}, "--bundle-root: /nowhere is not a folder; give one that is a bundle"),
        ({"buckets": "1,0.5"}, "--buckets: 1,0.5 is not valid; give rising numbers"),
        ({"buckets": "1,1"}, "--buckets: 1,1 is not valid; give rising numbers"),
        ({"buckets": "1,inf"}, "--buckets: 1,inf is not valid; give rising numbers"),
        ({"buckets": "nan"}, "--buckets: nan is not valid; give rising numbers"),
        ({"buckets": "1;2"}, "--buckets: 1;2 is not valid; give rising numbers"),
        (
            {"grpc_engine": "native", "tls_key": Path("k"), "tls_certificate": Path("c")},
            "--grpc-engine: native is not valid; it has no TLS; give grpcio, or no --tls-certificate",
        ),
        ({"tls_key": Path("k")}, "--tls-certificate and --tls-key: give both or none"),
        ({"tls_certificate": Path("c")}, "--tls-certificate and --tls-key: give both or none"),
    ],
)
def test_what_does_not_do_is_refused_with_what_would(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        Settings(**change)


def test_the_buckets_are_the_numbers_between_the_commas() -> None:
    assert Settings(buckets="0.001, 0.01,1").bucket_bounds == (0.001, 0.01, 1.0)
    assert Settings().bucket_bounds == ()
