"""A run folder with a model that was never trained."""

from pathlib import Path

from torch import nn

from torchferry.contract.tasks.regression import Regression
from torchferry.training.config.instantiate import Component
from torchferry.training.data.source import Source
from torchferry.training.models.saved import ModelCard, build_model, save_model
from torchferry.training.tasks.regression import Regression as TrainedRegression


def save_untrained(run: Path, source: Source, data: Component, network: Component) -> nn.Module:
    """For regression, from what `data` was built to; gives the network."""
    model = build_model(network, source.input, source.target_scale)
    card = ModelCard(
        name="rows",
        task=Regression(labels=source.labels, **TrainedRegression.from_source(source)),
        network=network,
        input=source.input,
        data=data,
        result={},
        step=1,
        torch="2",
    )
    run.mkdir(exist_ok=True)
    save_model(run / "model", model, card)
    return model
