"""A few requests before a run: an answer that is not 200 is refused with the server's own reason, on one line."""

from collections.abc import Callable

import pytest

from tests.benchmarks.load.peers import Page, nobody, pages
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.http_probe import Probe, detail, request_bytes
from torchferry.errors import ServerFault, UserError


def test_get_gives_an_object_or_none_where_there_is_no_such_page() -> None:
    answers: dict[str, Page] = {"/v2": b'{"name": "x"}', "/text": b"hello", "/list": b"[1]", "/405": (405, b"")}
    with pages(answers) as (url, heard):
        probe = Probe(parse_endpoint(url), 30)
        assert probe.get("/v2") == {"name": "x"}
        assert [probe.get(path) for path in ("/text", "/list", "/405", "/404")] == [None] * 4
    assert [request.method for request in heard] == ["GET"] * 5


def test_post_sends_the_body_below_the_prefix_with_the_headers_of_both() -> None:
    with pages({"/base/path": b"answer"}) as (url, heard):
        endpoint = parse_endpoint(f"{url}/base", headers=["X-Token: secret", "Content-Type: mine"])
        assert Probe(endpoint, 30).post("/path", b"body", {"Content-Type": "usual", "X-Other": "1"}) == b"answer"
    (request,) = heard
    assert (request.method, request.body) == ("POST", b"body")
    assert (request.headers["X-Token"], request.headers["X-Other"]) == ("secret", "1")
    assert request.headers["Content-Type"] == "mine"


@pytest.mark.parametrize(
    ("status", "kind"), [(201, UserError), (302, UserError), (400, UserError), (500, ServerFault), (503, ServerFault)]
)
def test_any_other_status_is_an_error_with_the_reason(status: int, kind: type[Exception]) -> None:
    with pages({"/path": (status, b'{"error": "no\\n such"}')}) as (url, _):
        probe = Probe(parse_endpoint(url), 30)
        asking: list[Callable[[], object]] = [lambda: probe.get("/path"), lambda: probe.post("/path", b"", {})]
        for ask in asking:
            with pytest.raises(kind) as error:
                ask()
            assert str(error.value) == f"{url}: answered {status} to /path: no such"


def test_nobody_who_answers_is_said() -> None:
    url = f"http://{nobody()}"
    with pytest.raises(UserError, match=rf"^{url}: no answer \(\w+\); is a server up there\?$"):
        Probe(parse_endpoint(url), 30).get("/v2")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail": "of FastAPI", "error": "x"}', "of FastAPI"),
        (b'{"code": 404, "message": "of TorchServe"}', "of TorchServe"),
        (b'{"error": "of Triton"}', "of Triton"),
        (b'{"error": ["a",\n "b"]}', "['a', 'b']"),
        (b'{"other": 1}', '{"other": 1}'),
        (b"<html>\n not  JSON", "<html> not JSON"),
        (b"3", "3"),
        (b"\xff", "\ufffd"),
        (b"", "it gave no reason"),
        (b" \n ", "it gave no reason"),
        (b"x" * 1000, "x" * 300),
    ],
)
def test_the_reason_is_found_in_every_servers_body(body: bytes, words: str) -> None:
    assert detail(body) == words


def test_a_request_is_written_as_http_wants_it() -> None:
    endpoint = parse_endpoint("http://[::1]:8080/base/", headers=["X-Token: secret", "Content-Type: mine"])
    assert request_bytes(endpoint, "/path", b"\x00body", {"Content-Type": "usual"}) == (
        b"POST /base/path HTTP/1.1\r\n"
        b"Host: [::1]:8080\r\n"
        b"Content-Length: 5\r\n"
        b"Content-Type: mine\r\n"
        b"X-Token: secret\r\n"
        b"\r\n"
        b"\x00body"
    )
