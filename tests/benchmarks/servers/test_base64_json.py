"""Tensors as base64 in JSON: what goes out is what the peers' apps decode, and an odd answer is a reason to leave."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.load.peers import nobody, pages
from tests.benchmarks.servers.jobs import IMAGES, PIXELS, a_job
from torchferry.benchmarks.servers.apps.onnx_model import decoded
from torchferry.benchmarks.servers.base64_json import Base64Json
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.errors import UserError

ANSWER = json.dumps([{"pixels": PIXELS.tolist()}]).encode()


@pytest.fixture
def asking(tmp_path: Path) -> Callable[[str], Base64Json]:
    """A peer at this URL that takes and gives lists."""
    job = a_job(tmp_path)

    def at(url: str) -> Base64Json:
        return Base64Json(job=job, url=url, path="/ask", wrap=lambda tensors: [tensors], unwrap=lambda got: got[0])

    return at


def test_the_golden_inputs_go_out_as_the_apps_read_them(asking: Callable[[str], Base64Json]) -> None:
    with pages({"/ask": ANSWER}) as (url, heard):
        golden = asking(url).golden()
    ((tensors,),) = [json.loads(request.body) for request in heard]
    np.testing.assert_array_equal(decoded(tensors)["image"], IMAGES)
    assert golden["pixels"].dtype == np.float32
    np.testing.assert_array_equal(golden["pixels"], PIXELS)


def test_a_target_has_a_whole_request_for_each_sample(asking: Callable[[str], Base64Json]) -> None:
    with pages({"/ask": ANSWER}) as (url, heard):
        target = asking(url).target()
    heads, bodies = zip(*(request.split(b"\r\n\r\n", 1) for request in target.requests), strict=True)
    assert all(head.startswith(b"POST /ask HTTP/1.1\r\n") for head in heads)
    images = [decoded(json.loads(body)[0])["image"] for body in bodies]
    np.testing.assert_array_equal(np.concatenate(images), IMAGES)
    assert [request.body for request in heard] == [bodies[0]]
    assert target.payload_bytes == round(sum(map(len, bodies)) / 2)
    assert (target.answer_bytes, target.batch, target.method) == (len(ANSWER), 1, None)


@pytest.mark.parametrize("answer", ["3", "[3]", '[{"nobody": [1]}]', '[{"pixels": [["a"]]}]', "text"])
def test_an_answer_of_another_form_is_a_reason(answer: Any, asking: Callable[[str], Base64Json]) -> None:
    with pages({"/ask": answer.encode()}) as (url, _), pytest.raises(Unavailable, match="is not what was agreed"):
        asking(url).golden()


def test_where_nobody_answers_it_is_a_user_error(asking: Callable[[str], Base64Json]) -> None:
    with pytest.raises(UserError, match="no answer"):
        asking(f"http://{nobody()}").golden()
