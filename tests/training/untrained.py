"""A run folder with a model that was never trained."""

from pathlib import Path

from torch import nn

from torchferry.training.config.instantiate import Component
from torchferry.training.data.source import Source
from torchferry.training.models.saved import ModelCard, build_model, save_model


def save_untrained(run: Path, source: Source, data: Component, network: Component) -> nn.Module:
    """For regression, from what `data` was built to; gives the network."""
    model = build_model(network, source.input, source.target_scale)
    card = ModelCard(
        name="rows",
        task="regression",
        network=network,
        input=source.input,
        target_scale=source.target_scale,
        labels=source.labels,
        data=data,
        result={},
        step=1,
        torch="2",
    )
    run.mkdir(exist_ok=True)
    save_model(run / "model", model, card)
    return model
