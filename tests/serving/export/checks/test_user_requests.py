"""Evaluation samples become what users send, and read by the servers' codec they are the same samples again."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from tests.serving.tiny_bundle import described
from tests.training.data.pictures.test_image_files import files
from torchferry.contract.image import CHANNELS
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.export.checks.user_requests import SAMPLES, UserRequest, user_requests
from torchferry.serving.export.samples import Samples
from torchferry.training.data.held_apart import Part

PICTURES = ImageDecode(mode="RGB", height=4, width=3, interpolation="bilinear")


def pictures(data: Dataset, mode: str = "RGB", **how: object) -> tuple[Samples, Bundle]:
    decode = ImageDecode(**vars(PICTURES) | {"mode": mode, **how})
    specs = (TensorSpec(name="image", datatype="UINT8", shape=(-1, CHANNELS[mode], 4, 3), decode=decode),)
    return Samples(data, ("image",)), described(inputs=specs)


def tensors(*kinds: tuple[str, torch.Tensor]) -> tuple[Samples, Bundle]:
    names = tuple(f"input_{number}" for number in range(len(kinds)))
    specs = tuple(
        TensorSpec(name=name, datatype=datatype, shape=(-1, *values.shape[1:]))
        for name, (datatype, values) in zip(names, kinds, strict=True)
    )
    return Samples(TensorDataset(*(values for _, values in kinds)), names), described(inputs=specs)


def sent(samples: Samples, bundle: Bundle) -> dict[str, UserRequest]:
    """By what they are; each is read as the sample that it was made from."""
    found = {request.what: request for request in user_requests(samples, bundle)}
    for request in found.values():
        read = request.read(bundle).inputs
        assert read.keys() == request.inputs.keys()
        for name, values in request.inputs.items():
            assert read[name].dtype == values.dtype, request.what
            np.testing.assert_array_equal(read[name], values, err_msg=request.what)
    return found


def test_real_files_are_sent_as_they_are(tmp_path: Path) -> None:
    data = files(tmp_path, *(f"{number}.png" for number in range(6)))
    found = sent(*pictures(data))
    names = [str(tmp_path / f"{number}.png") for number in (0, 1, 3, 5)]
    assert list(found) == [*names, "several files as base64", "tensors as JSON", "raw elements"]
    for name in names:
        assert found[name].body == Path(name).read_bytes()
    body = found["several files as base64"].body
    assert isinstance(body, bytes)
    assert [base64.b64decode(each["b64"]) for each in json.loads(body)["instances"]] == [
        Path(name).read_bytes() for name in names
    ]


@pytest.mark.parametrize("part", [Subset, lambda data, indices: Part(data, np.array(indices))])
def test_files_are_found_behind_a_part_of_them(tmp_path: Path, part: Any) -> None:
    data = part(part(files(tmp_path, *(f"{number}.png" for number in range(6))), [5, 3, 2]), [2, 0])
    assert [Path(name).name for name in list(sent(*pictures(data)))[:2]] == ["2.png", "5.png"]


@pytest.mark.parametrize(
    ("mode", "how", "head"),
    [
        ("L", {}, b"\x89PNG"),
        ("RGB", {}, b"\x89PNG"),
        ("RGBA", {}, b"\x89PNG"),
        ("LA", {}, b"\x89PNG"),
        ("CMYK", {}, b"II*"),
        ("RGB", {"resize": "crop", "fraction": 0.5}, b"\x89PNG"),
        ("CMYK", {"resize": "pad", "fraction": 0.5}, b"II*"),
    ],
)
def test_arrays_are_sent_as_files_that_become_them(mode: str, how: dict[str, object], head: bytes) -> None:
    shape, generator = (9, CHANNELS[mode], 4, 3), torch.Generator().manual_seed(0)
    data = TensorDataset(torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator))
    requests = list(user_requests(*pictures(data, mode, **how)))
    assert [request.what for request in requests[:4]] == SAMPLES * ["an array of the evaluation data as a file"]
    for request in requests[:4]:
        assert isinstance(request.body, bytes)
        assert request.body.startswith(head)
    sent(*pictures(data, mode, **how))


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("FP32", torch.tensor([[0.1, -3e38, 1e-40], [1 / 3, 2.0, 5e7]])),
        ("FP64", torch.tensor([[0.1, 1.7e9 + 1e-7]], dtype=torch.float64)),
        ("INT64", torch.tensor([[0, -5], [2**40, 1]])),
    ],
)
def test_rows_are_sent_as_csv_json_and_raw(datatype: str, values: torch.Tensor) -> None:
    found = sent(*tensors((datatype, values)))
    assert list(found) == ["tensors as JSON", "instances", "rows as CSV", "raw elements"]
    body = found["rows as CSV"].body
    assert isinstance(body, bytes)
    assert len(body.splitlines()) == len(values)
    assert found["rows as CSV"].read(tensors((datatype, values))[1]).form == "labels"


def test_truth_values_are_sent_in_all_ways_but_csv() -> None:
    found = sent(*tensors(("BOOL", torch.tensor([[True, False], [False, False]]))))
    assert list(found) == ["tensors as JSON", "instances", "raw elements"]


def test_several_inputs_are_sent_by_name() -> None:
    found = sent(*tensors(("FP32", torch.rand(3, 2, 2)), ("INT64", torch.arange(3))))
    assert list(found) == ["tensors as JSON", "instances", "raw elements"]
    body = found["instances"].body
    assert isinstance(body, bytes)
    assert [set(each) for each in json.loads(body)["instances"]] == [{"input_0", "input_1"}]


def test_samples_with_nan_are_sent_raw_alone() -> None:
    values = torch.tensor([[1.0, torch.nan], [2.0, 3.0], [torch.inf, 4.0]])
    found = sent(*tensors(("FP32", values)))
    assert found["rows as CSV"].body == b"2.0,3.0\n"
    assert len(found["raw elements"].inputs["input_0"]) == 3
    assert list(sent(*tensors(("FP32", values[::2])))) == ["raw elements"]


def test_several_pictures_are_sent_by_name_as_files_of_their_own_sizes() -> None:
    small = ImageDecode(mode="L", height=2, width=5, interpolation="bilinear", resize="crop", fraction=0.5)
    specs = (
        TensorSpec(name="left", datatype="UINT8", shape=(-1, 3, 4, 3), decode=PICTURES),
        TensorSpec(name="row", datatype="FP32", shape=(-1, 2)),
        TensorSpec(name="right", datatype="UINT8", shape=(-1, 1, 2, 5), decode=small),
    )
    left, right = (torch.randint(0, 256, shape, dtype=torch.uint8) for shape in ((9, 3, 4, 3), (9, 1, 2, 5)))
    found = sent(
        Samples(TensorDataset(left, torch.rand(9, 2), right), ("left", "row", "right")), described(inputs=specs)
    )
    files = "instances of arrays of the evaluation data as files"
    assert list(found) == ["tensors as JSON", files, "raw elements"]
    body = found[files].body
    assert isinstance(body, bytes)
    samples = json.loads(body)["instances"]
    assert (len(samples), set(samples[0]["left"]), set(samples[0]["right"])) == (SAMPLES, {"b64"}, {"b64"})
