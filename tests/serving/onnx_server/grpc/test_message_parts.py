"""A message of very many parts is refused before it is parsed; any other is left alone."""

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from torchferry.serving.errors import TooLarge
from torchferry.serving.onnx_server.grpc.message_parts import MOST, check_parts

NUMBER, LONG, SHORT, GROUP = b"\x78\x01", b"\x79" + bytes(8), b"\x7d" + bytes(4), b"\x7b\x7c"
"""Fields that no message of ours has, of each wire type."""


@pytest.mark.parametrize("field", ["inputs", "outputs", "raw_input_contents"])
def test_tensors_outputs_and_contents_are_counted(field: str) -> None:
    message = messages.ModelInferRequest(model_name="tiny", id="7" * 3 * MOST)
    for _ in range(MOST - 2):
        getattr(message, field).append(b"") if field.startswith("raw") else getattr(message, field).add()
    check_parts(message.SerializeToString())
    with pytest.raises(TooLarge, match="the message has more than 4,096 parts"):
        check_parts(message.SerializeToString() + NUMBER)


@pytest.mark.parametrize("one", [NUMBER, LONG, SHORT, GROUP])
def test_unknown_fields_count_as_well(one: bytes) -> None:
    parts = 2 if one == GROUP else 1
    check_parts(one * (MOST // parts))
    with pytest.raises(TooLarge):
        check_parts(one * (MOST // parts) + bytes(2 * MOST))


def test_what_is_no_message_is_the_parsers() -> None:
    for seed in range(50):
        noise = np.random.default_rng(seed).integers(128, 256, 3 * MOST, np.uint8).tobytes()
        check_parts(noise)
    check_parts(b"\x0a\xff\xff\xff\xff\x0f" + bytes(3 * MOST))


def test_what_is_inside_of_a_part_is_not_looked_at() -> None:
    message = messages.ModelInferRequest()
    message.inputs.add().contents.int64_contents.extend([1] * 10 * MOST)
    check_parts(message.SerializeToString())
