"""TorchServe's call is read and answered with so many labels, whichever protocol brings it."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.serving.onnx_server.in_process import model_of_bundle
from tests.serving.tiny_bundle import GOLDEN, written
from tests.serving.wire import in_loop
from torchferry.serving.codec.predictions_json import SAMPLES
from torchferry.serving.codec.upload import Upload
from torchferry.serving.errors import NotDecodable, WrongParameter
from torchferry.serving.onnx_server.pieces import Pieces
from torchferry.serving.onnx_server.predictions_form import PredictionsForm


class Sent(PredictionsForm):
    is_large = True

    def __init__(self, body: bytes, top_k: str | None = None) -> None:
        super().__init__(top_k)
        self.body = body

    @property
    def size(self) -> int:
        return len(self.body)

    def content(self) -> Upload:
        return Upload(self.body)


BODY = json.dumps({"instances": GOLDEN.tolist()}).encode()


@in_loop
@pytest.mark.parametrize(("top_k", "labels"), [("1", 1), ("2", 2), (None, 2)])
async def test_instances_are_answered_with_so_many_labels(tmp_path: Path, top_k: str | None, labels: int) -> None:
    model, form = model_of_bundle(written(tmp_path)), Sent(BODY, top_k)
    asked = form.read(model)
    np.testing.assert_array_equal(asked.inputs["row"], GOLDEN)
    written_as = form.answer(model, asked, {"probabilities": GOLDEN}, b"".join)
    assert isinstance(written_as, bytes)
    answered = json.loads(written_as)["predictions"]
    assert [len(each["top_k"]) for each in answered] == [labels] * len(GOLDEN)


@in_loop
async def test_what_cannot_be_read_is_refused_before_it_is_computed(tmp_path: Path) -> None:
    model = model_of_bundle(written(tmp_path))
    with pytest.raises(WrongParameter, match="top_k is 'few'"):
        Sent(BODY, "few").read(model)
    with pytest.raises(NotDecodable):
        Sent(b"{").read(model)


@in_loop
async def test_a_long_answer_is_written_in_pieces(tmp_path: Path) -> None:
    model = model_of_bundle(written(tmp_path))
    many = np.repeat(GOLDEN[:1], SAMPLES + 1, axis=0)
    form = Sent(json.dumps({"instances": many.tolist()}).encode())
    asked = form.read(model)
    answered = form.answer(model, asked, {"probabilities": many}, b"".join)
    assert isinstance(answered, Pieces)
    pieces = list(answered.pieces)
    assert len(pieces) > 2
    assert len(json.loads(answered.made(pieces))["predictions"]) == SAMPLES + 1
