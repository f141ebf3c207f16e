"""The trained model as it will be served, and the samples it is judged on."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from serving.errors import UserError
from training.data.source import ImageInput
from training.errors import UserError as TrainingUserError
from training.models.saved import ModelCard, evaluation_data, load_model

BATCH = 256


class Reference(nn.Module):
    """uint8 images in, probabilities out: normalisation, network and softmax in one graph."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.model(image).softmax(dim=1)


def load_reference(run: Path) -> tuple[Reference, ModelCard, np.ndarray, np.ndarray]:
    """The model, its card, and the evaluation set: images uint8 [samples, channels, height, width] and
    classes int64 [samples]. Raises UserError for a folder that is no finished run."""
    try:
        model, card = load_model(run)
        if card.task != "classification" or not isinstance(card.input, ImageInput):
            raise UserError(f"{run}: is a model for {card.task}; export takes classifiers of images so far")
        images, classes = zip(*DataLoader(evaluation_data(card).test, batch_size=BATCH), strict=True)
    except TrainingUserError as error:
        raise UserError(str(error)) from error
    return Reference(model).eval(), card, torch.cat(images).numpy(), torch.cat(classes).numpy()


@torch.inference_mode()
def probabilities(reference: Reference, images: np.ndarray) -> np.ndarray:
    """float32 [samples, classes], computed in eager mode."""
    batches = torch.from_numpy(images).split(BATCH)
    return torch.cat([reference(batch) for batch in batches]).numpy()
