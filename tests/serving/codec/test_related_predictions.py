"""What answers say of the samples of one request together, where that is asked for."""

import json

import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.contract.tasks.heads import Heads
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.predictions_json import Request, answer, read_request
from torchferry.serving.errors import WrongParameter

TABLE = described()
VECTORS = described(task="embedding", outputs=(TensorSpec(name="vector", datatype="FP32", shape=(-1, 2)),))


def related(**asked: object) -> Request:
    return read_request(json.dumps({"instances": [[1, 2, 3]] * 3, **asked}).encode(), VECTORS)


def test_cosines_of_all_instances_are_given_where_they_are_asked_for() -> None:
    outputs = {"vector": np.array([[1, 0], [0.6, 0.8], [np.nan, 0]], np.float32)}
    content = json.loads(answer(related(similarity=True), outputs, VECTORS, "it"))
    assert content["similarity"] == [[1, 0.6, None], [0.6, 1, None], [None, None, None]]
    assert content["predictions"][0] == {"vector": [1, 0]}
    for nothing in ({}, {"similarity": False}, {"similarity": None}):
        assert "similarity" not in json.loads(answer(related(**nothing), outputs, VECTORS, "it"))


def test_cosines_of_a_head_are_given_under_its_name_where_they_are_asked_for() -> None:
    heads = Heads(heads={"face": {"name": "embedding"}, "voice": {"name": "embedding"}})
    outputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 2)) for name in ("face", "voice"))
    bundle = described(task=heads, outputs=outputs)
    body = json.dumps({"instances": [[1, 2, 3]] * 2, "voice.similarity": True, "face.similarity": False})
    vectors = {"face": np.eye(2, dtype=np.float32), "voice": np.array([[1, 0], [0.6, 0.8]], np.float32)}
    content = json.loads(answer(read_request(body.encode(), bundle), vectors, bundle, "it"))
    assert content["voice.similarity"] == [[1, 0.6], [0.6, 1]]
    assert "face.similarity" not in content
    with pytest.raises(WrongParameter, match="'similarity', which is not read"):
        read_request(json.dumps({"instances": [[1, 2, 3]], "similarity": True}).encode(), bundle)


def test_what_a_task_does_not_relate_is_not_read() -> None:
    with pytest.raises(WrongParameter, match="'similarity' is true where"):
        related(similarity=1)
    with pytest.raises(WrongParameter, match="'similarity', which is not read"):
        read_request(json.dumps({"instances": [[1, 2, 3]], "similarity": True}).encode(), TABLE)
