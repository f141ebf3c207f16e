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


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("GET", INFER, None, 405),
        ("POST", f"{INFER}?a=1", b"", 422),
        ("GET", "/v2/models/nobody", None, 404),
        ("GET", "/v2/health/live", None, 200),
        ("GET", "/v2/models/digits", None, 200),
    ],
)
def test_every_answer_has_the_requests_id(
    served: dict[str, str], method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = ask(served["rest"], path, body, {"X-Request-Id": "mine"}, method)
    assert (answer.status, answer.headers.get_all("X-Request-Id")) == (status, ["mine"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("model", "body", "status"), [("digits", b"{", 400), ("nobody", b"", 404)])
def test_an_error_of_a_model_has_what_an_answer_has(
    served: dict[str, str], path: str, model: str, body: bytes, status: int
) -> None:
    headers = {"X-Request-Id": "mine", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    answer = ask(served["rest"], path.replace("digits", model), body, headers)
    assert (answer.status, answer.headers.get_all("X-Request-Id")) == (status, ["mine"])
    assert TRACE in answer.headers["traceparent"]
    assert answer.headers["Server-Timing"].startswith("decode;dur=")


def test_who_is_refused_before_the_body_is_here_has_it_too(served: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(served["rest"]).netloc, timeout=60)
    connection.putrequest("POST", INFER.replace("digits", "nobody"))
    for name, value in (
        ("Content-Length", "100"),
        ("X-Request-Id", "mine"),
        ("traceparent", f"00-{TRACE}-{'1' * 16}-00"),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["X-Request-Id"], answer.headers["Connection"]) == (404, "mine", "close")
    assert TRACE in answer.headers["traceparent"]
    connection.close()


def test_an_id_in_the_body_that_fits_no_header_does_no_harm(served: dict[str, str]) -> None:
    for given in ("two\r\nlines: 1", "\u2713", "\x00"):
        answer = ask(served["rest"], INFER, BODY | {"id": given})
        assert (answer.status, answer.json["id"]) == (200, given)
        assert "lines" not in answer.headers


def test_an_id_in_the_body_comes_back_where_no_header_has_one(served: dict[str, str]) -> None:
    body = BODY | {"id": "the bodys"}
    for headers, said in (({}, ["the bodys"]), ({"X-Request-Id": "the headers"}, ["the headers"])):
        assert ask(served["rest"], INFER, body, headers).headers.get_all("X-Request-Id") == said


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
