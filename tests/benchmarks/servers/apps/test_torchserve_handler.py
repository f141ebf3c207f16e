"""A handler that is not ours: it reads images and tensors, and computes all that it is given in one call."""

import base64
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks.servers.jobs import PIXELS, a_job
from torchferry.benchmarks.load.oip import json_body
from torchferry.benchmarks.servers.apps.torchserve_handler import OnnxHandler
from torchferry.benchmarks.servers.peer import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return a_job(tmp_path)


@pytest.fixture
def handler(job: Job) -> OnnxHandler:
    handler = OnnxHandler()
    context = SimpleNamespace(
        model_yaml_config={"handler": {"threads": 1}},
        system_properties={"model_dir": str(job.model.parent)},
        manifest={"model": {"serializedFile": job.model.name}},
    )
    handler.initialize(context)
    return handler


def test_images_and_tensors_of_one_batch_are_answered_each_with_its_own(job: Job, handler: OnnxHandler) -> None:
    rows: list[dict[str, Any]] = [{"body": bytearray(file.read_bytes())} for file in sorted(job.bodies.iterdir())]
    rows += [{"data": json_body(dict(np.load(file)))} for file in sorted(job.tensors.iterdir())]
    answered = [json.loads(answer)["pixels"] for answer in handler.handle(rows, None)]
    assert answered == [[row] for row in [*PIXELS.tolist(), *PIXELS.tolist()]]


def test_an_image_in_colour_is_made_grey_for_a_model_of_one_channel(handler: OnnxHandler) -> None:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (7, 7, 7)).save(file, "PNG")
    (image,) = handler.preprocess(file.getvalue()).values()
    assert (image.shape, str(image.dtype), np.unique(image).tolist()) == ((1, 1, 2, 2), "uint8", [7])


def test_floats_as_json_have_their_dtype_again(handler: OnnxHandler) -> None:
    values = handler.preprocess(json_body({"row": np.array([[0.5, 2]], np.float32)}))["row"]
    assert (str(values.dtype), values.tolist()) == ("float32", [[0.5, 2]])


def test_an_instance_by_name_has_files_and_numbers(handler: OnnxHandler) -> None:
    file = io.BytesIO()
    Image.new("L", (2, 1), 7).save(file, "PNG")
    left = SimpleNamespace(name="left", type="tensor(uint8)", shape=["n", 1, 1, 2])
    row = SimpleNamespace(name="row", type="tensor(float)", shape=["n", 2])
    handler.session = SimpleNamespace(get_inputs=lambda: [left, row])
    sample = {"row": [0.5, 2], "left": {"b64": base64.b64encode(file.getvalue()).decode()}}
    given = handler.preprocess(json.dumps({"instances": [sample]}).encode())
    np.testing.assert_array_equal(given["left"], np.full((1, 1, 1, 2), 7, np.uint8), strict=True)
    np.testing.assert_array_equal(given["row"], np.array([[0.5, 2]], np.float32), strict=True)
