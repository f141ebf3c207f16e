"""Networks over token ids answer a text alike alone and padded, and can be exported for any length."""

import onnxruntime
import pytest
import torch
from torch import nn
from torch.export import Dim

from torchferry.training.data.source import TextInput, blank
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.text_nets import EmbeddingBag, TextTransformer

MOST = 20
INPUT = TextInput(tokenizer="{}", pad=3, rows=50, most=MOST, truncate=True)
NETS = [EmbeddingBag(50, 4, 8, dropout=0.5), TextTransformer(50, 4, MOST, 8, heads=2, layers=2)]


@pytest.mark.parametrize("network", NETS)
def test_a_text_is_answered_alike_alone_and_among_longer_ones(network: nn.Module) -> None:
    model = Normalized(network, INPUT).eval()
    texts = torch.randint(4, 50, (MOST, MOST), generator=torch.Generator().manual_seed(0))
    for place in range(MOST):
        texts[place, place + 1 :] = INPUT.pad
    together = model(texts)
    assert together.shape == (MOST, 4)
    for place in range(MOST):
        assert torch.allclose(model(texts[place : place + 1, : place + 1]), together[place], atol=1e-5)
    assert together.std(dim=0).min() > 1e-3


@pytest.mark.parametrize("network", NETS)
def test_one_exported_graph_takes_texts_of_any_length(network: nn.Module) -> None:
    model = Normalized(network, INPUT).eval()
    axes = {0: Dim("batch", min=1, max=64), 1: Dim("tokens", min=1, max=MOST)}
    program = torch.export.export(model, (blank(INPUT, 3),), dynamic_shapes=(axes,))
    onnx = torch.onnx.export(program, dynamo=True, verbose=False)
    assert onnx is not None
    session = onnxruntime.InferenceSession(onnx.model_proto.SerializeToString())
    for length in (1, 2, 7, MOST):
        texts = INPUT.made_up(2, length)
        texts[1, 1:] = INPUT.pad
        wanted = model(texts)
        assert torch.allclose(program.module()(texts), wanted, atol=1e-5)
        [given] = session.run(None, {session.get_inputs()[0].name: texts.numpy()})
        assert torch.allclose(torch.from_numpy(given), wanted, atol=1e-5)


def test_heads_divide_the_width() -> None:
    with pytest.raises(ValueError, match="width 10 is no multiple of 4 heads"):
        TextTransformer(50, 4, MOST, 10)
