"""What a client has sent is taken whole or refused; none of it is left out of an answer of 200."""

import asyncio
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.asking import LENGTH, Answer, arrays, ask, raw_tensor, tensor
from tests.serving.wire import INFER, PREDICT, Connection, head, in_loop

IMAGE = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
GIVEN = {"inputs": [tensor("image", IMAGE)]}
TENSOR = json.dumps(GIVEN["inputs"][0])
NAN = '"parameters": {"mine": NaN}'


@pytest.fixture(scope="module")
def rest(served: dict[str, str]) -> str:
    return served["rest"]


@pytest.mark.parametrize("path", [INFER, PREDICT])
def test_every_member_of_a_packed_body_counts(rest: str, path: str) -> None:
    text = json.dumps(GIVEN).encode()
    whole = ask(rest, path, text)
    packed = gzip.compress(text[:50]) + gzip.compress(text[50:])
    assert ask(rest, path, packed, {"Content-Encoding": "gzip"}).json == whole.json
    behind = ask(rest, path, packed + b"{}", {"Content-Encoding": "gzip"})
    assert (behind.status, behind.json["detail"]) == (400, "2 bytes follow the end of the body's gzip")


def asked(**change: Any) -> dict[str, Any]:
    return GIVEN | change


def of_output(**parameters: Any) -> dict[str, Any]:
    return asked(outputs=[{"name": "probabilities", "parameters": parameters}])


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (INFER, f'{{"inputs": [], "inputs": [{TENSOR}]}}', "an object has 'inputs' more than once"),
        (INFER, f'{{"inputs": [{TENSOR[:-1]}, "name": "image"}}]}}', "an object has 'name' more than once"),
        (INFER, f'{{"inputs": [{TENSOR}], "id": "a:b", "id": "a"}}', "an object has 'id' more than once"),
        (INFER, f'{{"inputs": [{TENSOR}], {NAN}, {NAN}}}', "an object has 'parameters' more than once"),
        (INFER, f'{{"inputs": [{TENSOR}], "parameters": {{"mine": {{"a": 1, "a": 2}}}}}}', "has 'a' more than once"),
        (INFER, asked(output=[{"name": "probabilities"}]), "the request has 'output', which is not read; did you mean"),
        (INFER, asked(model_name="other"), "model_name is 'other', and the request went to 'digits'"),
        (INFER, {"inputs": [GIVEN["inputs"][0] | {"type": "INT8"}]}, "'image' has 'type', which is not read"),
        (INFER, asked(outputs=[{"name": "probabilities", "classification": 3}]), "an output has 'classification'"),
        (INFER, asked(outputs=[{"name": "probabilities"}] * 2), "the output 'probabilities' is asked for twice"),
        (INFER, of_output(classifications=3), "there is no parameter 'classifications'; did you mean classification?"),
        (INFER, of_output(binary_data="true"), "binary_data is 'true'; give true or false"),
        (INFER, of_output(shared_memory_region="mine"), "keeps no shared memory"),
        (INFER, asked(parameters={"binary_data_output": 1}), "binary_data_output is 1; give true or false"),
        (INFER, asked(parameters={"time_out": 5}), "there is no parameter 'time_out'; did you mean timeout?"),
        (INFER, asked(parameters={"sequence_id": 7}), "sequence_id is 7, and digits carries no state"),
        (PREDICT, f'{{"inputs": [], "inputs": [{TENSOR}]}}', "an object has 'inputs' more than once"),
        (PREDICT, {"inputs": GIVEN["inputs"] * 2}, "'image' is given twice"),
        (PREDICT, asked(instances=[[1]]), "the body has 'instances', which is not read"),
        (PREDICT, asked(outputs=[{"name": "probabilities"}]), "the body has 'outputs', which is not read"),
        (PREDICT, {"instances": IMAGE.tolist(), "top_k": 3}, "the body has 'top_k', which is not read"),
        (PREDICT, {"instances": [{"b64": "aGk=", "rotate": 90}]}, "an instance has 'rotate', which is not read"),
        ("/v2/repository/index", {"redy": True}, "the body has 'redy', which is not read; did you mean ready?"),
        ("/v2/repository/index", '{"ready": true, "ready": false}', "an object has 'ready' more than once"),
    ],
)
def test_what_would_be_left_out_of_json_is_refused(rest: str, path: str, body: Any, words: str) -> None:
    answer = ask(rest, path, body.encode() if isinstance(body, str) else body)
    assert (answer.status, words in answer.json["detail"]) == (422, True), answer.body


@pytest.mark.parametrize(
    "more",
    [
        {"id": "a:b"},
        {"model_name": "digits", "model_version": None},
        {"id": None, "outputs": [], "parameters": {"content_type": "np", "sequence_id": 0}},
    ],
)
def test_what_clients_of_others_add_is_taken(rest: str, more: dict[str, Any]) -> None:
    alone, beside = (arrays(ask(rest, INFER, body))["probabilities"] for body in (GIVEN, asked(**more)))
    np.testing.assert_array_equal(alone, beside)


def test_an_input_has_data_or_bytes_of_its_own(rest: str) -> None:
    both = raw_tensor("image", IMAGE) | {"data": IMAGE.ravel().tolist()}
    head = json.dumps({"inputs": [both]}).encode()
    answer = ask(rest, INFER, head + IMAGE.tobytes(), {LENGTH: str(len(head))})
    assert (answer.status, answer.json["detail"]) == (422, "'image' has data and binary_data_size; give one of them")


@pytest.mark.parametrize(
    ("path", "headers", "words"),
    [
        (f"{PREDICT}?top_k=3", {}, "'?top_k=3' is not read"),
        (f"{INFER}?timeout=1", {}, "'?timeout=1' is not read"),
        (INFER, {"X-Top-K": "3"}, "the header x-top-k is not read here"),
        (PREDICT, {"X-TopK": "3"}, "the header x-topk is not read here"),
        (PREDICT, {"X-Target": "3"}, "the header x-target is not read here"),
        (PREDICT, {LENGTH: "0"}, "the header inference-header-content-length is not read here"),
    ],
)
def test_what_is_asked_for_beside_the_body_is_read_or_refused(
    rest: str, path: str, headers: Mapping[str, str], words: str
) -> None:
    answer: Answer = ask(rest, path, GIVEN, headers)
    assert (answer.status, answer.json["code"]) == (422, "wrong_parameter"), answer.body
    assert words in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "headers", "words"),
    [
        (f"{PREDICT}?top_k=3", {}, b"'?top_k=3' is not read"),
        (f"{PREDICT}?form=svg", {}, b"?form=svg is not known"),
        (f"{PREDICT}?form=png&form=png", {}, b"is not read"),
        (f"{INFER}?timeout=1", {}, b"'?timeout=1' is not read"),
        (PREDICT, {"X-TopK": "3"}, b"the header x-topk is not read here"),
        (PREDICT, {"X-Top-K": "many"}, b"many"),
    ],
)
@in_loop
async def test_it_is_refused_too_when_the_body_comes_after_the_head(
    rest: str, path: str, headers: Mapping[str, str], words: bytes
) -> None:
    body = json.dumps(GIVEN).encode()
    connection = await Connection.to(rest)
    connection.writer.write(head(path, len(body), **{"Content-Type": "application/json", **headers}))
    await asyncio.sleep(0.05)
    status, _, detail = await connection.exchange(body)
    connection.close()
    assert (status, words in detail) == (422, True), detail


def test_a_health_check_may_have_a_query(rest: str) -> None:
    assert ask(rest, "/ping?now=1").status == ask(rest, f"{INFER.removesuffix('/infer')}?").status == 200
    assert ask(rest, f"{INFER.removesuffix('/infer')}?version=2").status == 422
