"""A sequence is answered the same alone and behind padding; gradients too; and any length is exported."""

import math

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from torchferry.training.data.varying_inputs import AudioInput, SeriesInput
from torchferry.training.models import NETWORKS
from torchferry.training.models.normalized import Normalized

SOUND = AudioInput(rate=16_000, least=400, most=16_000, truncate=False)
LENGTHS = (400, 401, 560, 3001, 8000)


def series(channels: int | None) -> SeriesInput:
    count = channels or 1
    return SeriesInput(channels=channels, mean=(0.5,) * count, std=(2.0,) * count, least=1, most=200)


CASES: dict[str, tuple[str, dict[str, int], AudioInput | SeriesInput, tuple[int, ...]]] = {
    "sound": ("log_mel_cnn", {"width": 16}, SOUND, LENGTHS),
    "series": ("series_cnn", {"width": 16}, series(None), (1, 2, 40, 200)),
    "channels": ("series_cnn", {"width": 16, "channels": 3}, series(3), (1, 2, 40, 200)),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Normalized, list[torch.Tensor]]:
    """A network whose every weight is some number, and samples of unequal lengths."""
    name, arguments, input, lengths = CASES[request.param]
    torch.manual_seed(0)
    network = NETWORKS[name](classes=4, **arguments)
    for weights in network.parameters():
        nn.init.normal_(weights, std=0.2)
    shapes = [(length, *input.shape[1:]) for length in lengths]
    return Normalized(network, input).eval(), [0.3 * torch.randn(shape) for shape in shapes]


def padded(samples: list[torch.Tensor]) -> torch.Tensor:
    return nn.utils.rnn.pad_sequence(samples, batch_first=True, padding_value=math.nan)


def test_padded_equals_single(case: tuple[Normalized, list[torch.Tensor]]) -> None:
    model, samples = case
    with torch.no_grad():
        together = model(padded(samples))
        for row, sample in zip(together, samples, strict=True):
            torch.testing.assert_close(row, model(sample[None])[0], atol=1e-4, rtol=1e-4)
    assert together.std(0).min() > 1e-3


def test_padding_reaches_no_gradient(case: tuple[Normalized, list[torch.Tensor]]) -> None:
    model, samples = case
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.train()
    model(padded(samples)).square().sum().backward()
    together = [weights.grad.clone() for weights in model.parameters() if weights.grad is not None]
    model.zero_grad()
    for sample in samples:
        model(sample[None]).square().sum().backward()
    for gradient, weights in zip(together, model.parameters(), strict=True):
        assert weights.grad is not None
        scale = float(weights.grad.abs().max())
        torch.testing.assert_close(gradient, weights.grad, atol=1e-4 * scale, rtol=1e-3)


@pytest.mark.slow
def test_any_length_is_exported(case: tuple[Normalized, list[torch.Tensor]]) -> None:
    model, samples = case
    batch, length = (
        torch.export.Dim("batch", min=1, max=64),
        torch.export.Dim("length", min=len(samples[0]), max=16_000),
    )
    shapes = ({0: batch, 1: length},)
    program = torch.onnx.export(model, (padded(samples),), dynamo=True, dynamic_shapes=shapes, input_names=["x"])
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    with torch.no_grad():
        for some in (samples, samples[:1], samples[1:3]):
            (found,) = session.run(None, {"x": padded(some).numpy()})
            np.testing.assert_allclose(found, model(padded(some)), atol=1e-4, rtol=1e-4)
