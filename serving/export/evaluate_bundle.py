"""A bundle's variant as a model that can be judged, through the runtime that would serve it."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from torchferry import run_folder
from torchferry.contract.tasks.find import said_of
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.cpu import cores
from torchferry.serving.export.external.input_spec import of_datatype
from torchferry.serving.export.numbered_strings import numbering
from torchferry.serving.onnx_server.models.model import chosen
from torchferry.serving.session import Session, open_variant
from torchferry.serving.session.runtimes import ONNX, served_by
from torchferry.training.config.instantiate import Component
from torchferry.training.data.source import ImageInput, Input, TableInput
from torchferry.training.evaluation import Judged
from torchferry.training.models.saved import ModelCard, load_model
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask


def load_variant(bundle: Bundle, variant: str | None) -> tuple[nn.Module, str]:
    """It takes and gives what the checkpoint does. Raises UserError for a variant that is not accepted."""
    if not bundle.task.headline:
        raise UserError(f"{bundle.root}: is of the task {said_of(bundle.task)}, which has no metric")
    if len(bundle.inputs) != 1:
        raise UserError(f"{bundle.root}: has {len(bundle.inputs)} inputs, not one")
    if not bundle.accepted:
        raise UserError(f"{bundle.root}: has no accepted variant")
    name = variant or _served(bundle)
    session = numbering(open_variant(bundle, name, cores()), bundle.inputs, bundle.outputs)
    return Answers(session, bundle.inputs[0].name, half_of(bundle.task)), name


def _served(bundle: Bundle) -> str:
    """By our server, or where that takes none of them by TorchServe."""
    if served_by(ONNX, bundle.accepted):
        return chosen(bundle).variant
    choice = bundle.choice
    return choice.variant if choice and choice.variant in bundle.accepted else bundle.accepted[0]


class Answers(nn.Module):
    """A variant's answers, and where it can be known what the network gave before the graph made answers of it."""

    def __init__(self, session: Session, input: str, task: TrainingTask) -> None:
        super().__init__()
        self.session, self.input, self.task = session, input, task

    def forward(self, inputs: torch.Tensor) -> Judged:
        given = self.session.run({self.input: inputs.numpy()})
        # A bundle calls an output otherwise than the task where an input has that name; the order is the task's.
        named = zip(self.task.task.outputs, given.values(), strict=True)
        answers = {name: torch.from_numpy(values) for name, values in named}
        return Judged(self.task.raw(answers), answers)


def card_of(bundle: Bundle) -> ModelCard:
    """What the bundle says of its samples, or the run folder says that it lies in."""
    run, input = bundle.root.resolve().parent, _input_of(bundle)
    if (run / run_folder.MODEL / run_folder.CARD).is_file():
        _, card = load_model(run)
        same = type(card.task) is type(bundle.task) and card.labels == bundle.labels
        if same and card.input.shape == input.shape:
            return replace(card, name=bundle.name)
    return ModelCard(
        name=bundle.name,
        task=bundle.task,
        network=Component(name=str(bundle.root)),
        input=input,
        data=_source_of(bundle),
        result={},
        step=0,
        torch="",
    )


def check_data_is_known(card: ModelCard, bundle: Bundle, data: str | None, source: Component | None) -> None:
    """Raises UserError where the bundle does not say which samples it is judged on."""
    if source is not None:
        return
    if card.data.name == NOT_KNOWN:
        raise UserError(f"{bundle.root}: lies in no run folder, and takes {bundle.inputs[0].name}s; give --source")
    if data is None and card.data.name == "image_folder" and "root" not in card.data.args:
        raise UserError(f"{bundle.root}: lies in no run folder; give --data ROOT, a folder of class folders")


NOT_KNOWN = "not known"
CLASSES = "classes"
"""What image_folder gives, as Source.targets says it."""


def _source_of(bundle: Bundle) -> Component:
    decode = bundle.inputs[0].image
    if decode is None or half_of(bundle.task).targets != CLASSES:
        return Component(name=NOT_KNOWN)
    args = {name: value for name, value in vars(decode).items() if name not in ("kind", "fill")}
    # What normalises is in the model; imagenet's constants, the default, are not known for each mode.
    return Component(name="image_folder", args=args | {"fill": list(decode.fill) or None, "normalize": "none"})


def _input_of(bundle: Bundle) -> Input:
    spec = bundle.inputs[0]
    shape = spec.shape[1:]
    if spec.image is not None:
        decode = vars(spec.image).copy()
        del decode["kind"]
        zeros = (0.0,) * shape[0]
        return ImageInput(**decode, mean=zeros, std=tuple(1.0 for _ in zeros))
    given = of_datatype(spec.datatype, shape)
    if spec.name == "row":
        datatype: Any = given.datatype
        count = shape[0]
        return TableInput(columns=("",) * count, mean=(0.0,) * count, std=(1.0,) * count, datatype=datatype)
    return given
