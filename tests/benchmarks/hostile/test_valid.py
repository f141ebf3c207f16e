"""Valid requests in each form: every one is answered well."""

import grpc
import urllib3

from torchferry.benchmarks.hostile.started import Started
from torchferry.benchmarks.hostile.valid import Request


def test_a_request_is_whole() -> None:
    request = Request(path="/x", body=b"ab", headers={"A": "b"})
    assert request.raw(C="d") == b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nA: b\r\nC: d\r\n\r\nab"


def test_all_are_answered_well(attacked: Started) -> None:
    where = attacked.where
    assert len(where.valid.requests) >= 8
    assert where.valid.picture
    for request in where.valid.requests:
        url = f"http://{where.host}:{where.port}{request.path}"
        answer = urllib3.request(request.method, url, body=request.body, headers=dict(request.headers))
        assert answer.status == 200, (request, answer.data)
    with grpc.insecure_channel(f"{where.host}:{where.grpc_port}", [("grpc.enable_http_proxy", 0)]) as channel:
        for method, message in where.valid.messages:
            assert channel.unary_unary(method)(message, timeout=60)
