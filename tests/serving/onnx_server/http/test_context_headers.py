"""HTTP headers beside the body: request ids, traces, Server-Timing and CORS."""

import http.client
import json
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.onnx_server.conftest import StartServer

INFER = "/v2/models/digits/infer"
BODY = {"inputs": [tensor("image", np.zeros((1, 1, 8, 8), np.uint8))]}
PATHS = [INFER, "/predictions/digits"]
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("path", PATHS)
def test_server_timing_names_the_stages(served: dict[str, str], path: str) -> None:
    """https://www.w3.org/TR/server-timing/"""
    parts = [part.split(";dur=") for part in ask(served["rest"], path, BODY).headers["Server-Timing"].split(", ")]
    assert [stage for stage, _ in parts] == ["decode", "queue", "batch_wait", "inference", "encode"]
    assert all(float(milliseconds) >= 0 for _, milliseconds in parts)
    assert dict(parts)["inference"] != "0.000"


@pytest.mark.parametrize("path", PATHS)
def test_a_requests_id_comes_back(served: dict[str, str], path: str) -> None:
    answer = ask(served["rest"], path, BODY, {"X-Request-Id": "a1b2-\u00e9"})
    assert answer.headers["X-Request-Id"] == "a1b2-\u00e9"
    assert ask(served["rest"], path, BODY).headers["X-Request-Id"] is None


def test_an_id_in_the_body_that_fits_no_header_does_no_harm(served: dict[str, str]) -> None:
    for given in ("two\r\nlines: 1", "\u2713", "\x00"):
        answer = ask(served["rest"], INFER, BODY | {"id": given})
        assert (answer.status, answer.json["id"]) == (200, given)
        assert "lines" not in answer.headers


def test_a_callers_trace_goes_on(served: dict[str, str]) -> None:
    """https://www.w3.org/TR/trace-context/"""
    given = f"00-{TRACE}-b7ad6b7169203331-01"
    said = ask(served["rest"], INFER, BODY, {"traceparent": given}).headers["traceparent"]
    version, trace_id, span_id, flags = said.split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert span_id != "b7ad6b7169203331"
    for wrong in ("", "00", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{TRACE}-b7ad6b7169203331-01"):
        answer = ask(served["rest"], INFER, BODY, {"traceparent": wrong})
        assert (answer.status, answer.headers["traceparent"]) == (200, None)


def test_a_connection_is_kept_and_a_body_may_come_in_chunks(served: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(served["rest"]).netloc, timeout=60)
    body = json.dumps(BODY).encode()
    used = set()
    for headers in ({}, {"Transfer-Encoding": "chunked"}, {}):
        pieces = [body[:10], body[10:]] if headers else body
        connection.request("POST", INFER, pieces, headers, encode_chunked=bool(headers))
        answer = connection.getresponse()
        assert json.loads(answer.read())["outputs"][0]["shape"] == [1, 10]
        assert connection.sock is not None
        used.add(connection.sock.getsockname())
    connection.close()
    assert len(used) == 1


def test_other_web_sites_are_not_let_in_of_itself(served: dict[str, str]) -> None:
    answer = ask(served["rest"], INFER, BODY, {"Origin": "https://example.org"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert ask(served["rest"], INFER, method="OPTIONS").status == 405


def test_a_web_site_that_was_named_is_let_in(start_server: StartServer) -> None:
    rest = start_server(options=("--cors-origin", "https://example.org")).wait_ready()["rest"]
    asking = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    preflight = ask(rest, INFER, headers=asking | {"Access-Control-Request-Headers": "content-type"}, method="OPTIONS")
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
    # By the Fetch standard the star stands for every header but Authorization.
    assert preflight.headers["Access-Control-Allow-Headers"] == "*, Authorization"
    assert "PUT" in ask(rest, "/predictions/digits", method="OPTIONS").headers["Access-Control-Allow-Methods"]
    for answer in (preflight, ask(rest, INFER, BODY), ask(rest, "/nowhere"), ask(rest, INFER, {})):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.org"
        assert "Inference-Header-Content-Length" in answer.headers["Access-Control-Expose-Headers"]
