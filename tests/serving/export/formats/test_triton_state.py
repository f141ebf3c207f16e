"""A model that carries state, as Triton's sequence batcher has it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from tests.serving.stateful import written_adding
from torchferry.errors import UserError
from torchferry.serving.export.formats import triton_state
from torchferry.serving.export.formats.triton import config, write_triton
from torchferry.serving.export.formats.triton_state import sequence_batching


def test_triton_keeps_the_state_and_its_clients_see_none(tmp_path: Path) -> None:
    bundle = written_adding(tmp_path)
    [name] = write_triton(bundle, tmp_path / "repository")
    model = tmp_path / "repository" / name
    found = text_format.Parse((model / "config.pbtxt").read_text(), ModelConfig())
    assert ([each.name for each in found.input], [each.name for each in found.output]) == (["x"], ["y"])
    assert found.WhichOneof("scheduling_choice") == "sequence_batching"
    assert found.sequence_batching.WhichOneof("strategy_choice") == "oldest"
    (state,) = found.sequence_batching.state
    assert (state.input_name, state.output_name) == ("total", "next_total")
    assert (state.data_type, list(state.dims)) == (DataType.TYPE_FP32, [2])
    assert state.initial_state[0].zero_data
    assert not (model / triton_state.FOLDER).exists()


def test_what_a_sequence_begins_with_is_a_file_of_raw_numbers(tmp_path: Path) -> None:
    bundle = written_adding(tmp_path, start=3.0)
    [name] = write_triton(bundle, tmp_path / "repository")
    model = tmp_path / "repository" / name
    found = text_format.Parse((model / "config.pbtxt").read_text(), ModelConfig())
    (begins,) = found.sequence_batching.state[0].initial_state
    assert (begins.WhichOneof("state_data"), begins.data_file, list(begins.dims)) == ("data_file", "total", [2])
    assert (model / triton_state.FOLDER / "total").read_bytes() == np.full(2, 3, np.float32).tobytes()


def test_a_model_whose_samples_must_not_meet_has_sequences_all_the_same(tmp_path: Path) -> None:
    bundle = dataclasses.replace(written_adding(tmp_path), max_batch=1)
    found = text_format.Parse(config(bundle, "onnx-fp32"), ModelConfig())
    assert (found.max_batch_size, found.HasField("sequence_batching")) == (1, True)


def test_a_state_of_one_number_is_refused_with_the_way_on(tmp_path: Path) -> None:
    bundle = written_adding(tmp_path)
    inputs = tuple(dataclasses.replace(spec, shape=(-1,)) for spec in bundle.inputs)
    with pytest.raises(UserError, match="Triton knows no state of the batch axis alone, as 'total' is"):
        sequence_batching(dataclasses.replace(bundle, inputs=inputs))
