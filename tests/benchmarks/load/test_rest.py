"""The Open Inference Protocol over REST: what the model takes is asked, and a first request has to be answered well."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.load.given import asked
from tests.benchmarks.load.peers import Page, pages
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.http_probe import Probe
from torchferry.benchmarks.load.inputs import RANDOM
from torchferry.benchmarks.load.rest import binary_target, json_target, read_metadata, server_name
from torchferry.errors import UserError

MODEL = "/v2/models/planted"
METADATA = json.dumps({"inputs": [{"name": "row", "datatype": "FP32", "shape": [-1, 4]}]}).encode()
SERVER: dict[str, Page] = {MODEL: METADATA, f"{MODEL}/infer": b"answer", "/v2": b'{"name": "planted", "version": "1"}'}


def test_json_requests_are_whole_and_the_first_was_answered() -> None:
    with pages(SERVER) as (url, heard):
        made = json_target(asked(url, batch=2))
    assert (made.protocol, made.method, made.server, made.batch) == ("rest", None, "planted 1", 2)
    assert (made.answer_bytes, len(made.requests)) == (len("answer"), RANDOM)
    (sent,) = [request for request in heard if request.method == "POST"]
    head, _, body = made.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(f"POST {MODEL}/infer HTTP/1.1\r\n".encode())
    assert b"Content-Type: application/json" in head
    assert sent.body == body
    assert json.loads(body)["inputs"][0]["shape"] == [2, 4]
    assert made.payload_bytes == pytest.approx(len(body), rel=0.1)


def test_a_binary_request_tells_the_length_of_its_json() -> None:
    with pages(SERVER) as (url, heard):
        made = binary_target(asked(url))
    assert made.protocol == "rest-binary"
    (sent,) = [request for request in heard if request.method == "POST"]
    length = int(sent.headers["Inference-Header-Content-Length"])
    assert sent.headers["Content-Type"] == "application/octet-stream"
    assert json.loads(sent.body[:length])["inputs"][0]["name"] == "row"
    assert len(sent.body) - length == 4 * 4
    assert made.payload_bytes == len(sent.body)


def test_a_version_and_arrays_of_a_file_are_sent(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", row=np.array([[1, 2, 3, 4]], np.float32))
    path = f"{MODEL}/versions/7"
    with pages({path: METADATA, f"{path}/infer": b""}) as (url, _):
        made = json_target(asked(url, version="7", input=tmp_path))
    (request,) = made.requests
    assert json.loads(request.partition(b"\r\n\r\n")[2])["inputs"][0]["data"] == [1, 2, 3, 4]
    assert made.server is None


def test_a_server_without_metadata_is_refused_with_where_they_should_be() -> None:
    with (
        pages({}) as (url, _),
        pytest.raises(
            UserError, match=f"^{url}: has no metadata at {MODEL}; .* TorchServe takes --protocol predictions"
        ),
    ):
        json_target(asked(url))


def test_a_first_request_that_is_refused_ends_it() -> None:
    answers: dict[str, Page] = {MODEL: METADATA, f"{MODEL}/infer": (400, b'{"error": "not today"}')}
    with pages(answers) as (url, _), pytest.raises(UserError, match=f"answered 400 to {MODEL}/infer: not today"):
        binary_target(asked(url))


@pytest.mark.parametrize("content", [b"{}", b'{"inputs": 3}', b'{"inputs": [{"name": "x"}]}', b"text"])
def test_metadata_of_another_form_are_none(content: bytes) -> None:
    with pages({MODEL: content}) as (url, _):
        assert read_metadata(Probe(parse_endpoint(url), 30), asked(url)) is None


@pytest.mark.parametrize(
    ("content", "name"), [(b'{"name": "x"}', "x"), (b'{"name": "x", "version": "2"}', "x 2"), (b"{}", None)]
)
def test_a_servers_name_has_its_version_if_it_says_one(content: bytes, name: str | None) -> None:
    with pages({"/v2": content}) as (url, _):
        assert server_name(Probe(parse_endpoint(url), 30)) == name
