"""The model that leaves training: `model/` in the run folder, weights.safetensors and model.yaml.

It holds all that export needs: the network, what its input and output mean, and the evaluation set.
"""

import hashlib
import inspect
import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_model as read_weights
from safetensors.torch import save_model as write_weights
from torch import nn
from torch.nn.parameter import is_lazy

from torchferry import run_folder
from torchferry.contract.tasks.find import Said, said_of, task_of
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError, some
from torchferry.files import flush, sha256, write_whole
from torchferry.training.config.instantiate import Component, build, one_line
from torchferry.training.config.recipe import FORMER_LIMITS
from torchferry.training.data.build_source import build_source
from torchferry.training.data.held_apart import fold_part
from torchferry.training.data.plain_input import from_plain, plain, to_plain
from torchferry.training.data.recorded import as_recorded
from torchferry.training.data.source import Input, Source, TargetScales, TextInput, blank, pad_of
from torchferry.training.models import NETWORKS
from torchferry.training.models.normalized import Normalized
from torchferry.training.tasks import half_class, half_of

SCHEMA = "torchferry.model/1"
OF_THE_FILE = ("schema", "weights_sha256", "tokenizer_sha256", "sha256")
"""What model.yaml says of itself and the files beside it, not of the model."""
AGAIN = "the command that trained it writes it again"


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The contents of model.yaml."""

    name: str
    task: Task
    """What its outputs mean; model.yaml says its labels apart."""
    network: Component
    input: Input
    data: Component
    """The source whose test set the model is judged on."""
    result: dict[str, float]
    """On that test set: loss, and what the task reports, such as accuracy (0..1) or r2."""
    step: int
    """Optimizer steps of the run that it comes from."""
    fold: str | None = None
    """The recipe's, if its test set is a fold of the training samples."""
    gate: dict[str, float] = field(default_factory=dict)
    """The recipe's limits for a variant that is to be served, where it has any."""
    torch: str
    """The version it was trained with."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes' names; for regression the outputs'."""
        return self.task.labels

    @property
    def target_scale(self) -> TargetScales | None:
        """What the model's outputs are scaled back by; None where they are as the network gives them."""
        return half_of(self.task).target_scale


def build_model(network: Component, input: Input, target_scale: TargetScales | None = None) -> Normalized:
    """The network with fresh weights, behind the normalisation of its input and before the scaling of its outputs."""
    built = build(network, NETWORKS, "model")
    if not isinstance(built, nn.Module):
        raise UserError(f"model.name: {network.name} gives a {type(built).__name__}, not a torch.nn.Module")
    if pad_of(input) is not None:
        _check_takes_mask(built, network.name)
    model = Normalized(built, input, target_scale)
    if any(is_lazy(value) for value in (*model.parameters(), *model.buffers())):
        try:
            with torch.no_grad():
                model.eval()(blank(input, 2))  # its lazy layers see their shapes
        except Exception as error:  # somebody's code runs here
            raise UserError(f"model: does not take samples of shape {list(input.shape)}: {one_line(error)}") from error
    return model.train()


def _check_takes_mask(network: nn.Module, name: str) -> None:
    """Raises UserError for a network that would not know what is padding."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [each.name for each in inspect.signature(network.forward).parameters.values() if each.kind in kinds]
    if taken[1:2] != ["mask"]:
        raise UserError(
            f"model.name: forward of {name} takes ({', '.join(taken)}), not (x, mask): samples of this data.source "
            "have lengths of their own, and mask, bool [batch, length], says what is no padding"
        )


def save_model(folder: Path, model: Normalized, card: ModelCard) -> None:
    """Write weights, a tokenizer if there is one, and model.yaml, which holds their checksums and its own, beside
    `folder`, then put them there."""
    written = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir()
    weights = written / run_folder.WEIGHTS
    try:
        write_weights(model.network, str(weights))  # once for weights that layers share
    except SafetensorError as error:
        raise OSError(None, str(error)) from error
    flush(weights)
    said = {"task": said_of(card.task), "labels": card.labels}
    content = {"schema": SCHEMA, **plain(asdict(card) | said), "weights_sha256": sha256(weights)}
    content["input"] = to_plain(card.input)
    if isinstance(card.input, TextInput):
        write_whole(written / run_folder.TOKENIZER, content["input"].pop("tokenizer"))
        content["tokenizer_sha256"] = sha256(written / run_folder.TOKENIZER)
    content["sha256"] = _checksum(content)
    write_whole(written / run_folder.CARD, yaml.safe_dump(content, sort_keys=False))
    shutil.rmtree(folder, ignore_errors=True)
    written.rename(folder)
    flush(folder.parent)


def load_model(run: Path) -> tuple[nn.Module, ModelCard]:
    """The trained model of a run folder, in evaluation mode, on the CPU.

    It takes [batch, ...] as the card's input says and returns float32 [batch, outputs], logits or values; values that
    are scaled back are float64.
    Raises UserError for a folder that is no run, or a damaged one.
    """
    folder = run / run_folder.MODEL
    if not (folder / run_folder.CARD).is_file():
        raise UserError(
            f"{run}: is not a finished run folder (it has no model/model.yaml); train one with torchferry train"
        )
    content = _read_card(folder)
    if content["schema"] != SCHEMA:
        raise UserError(f"{folder / run_folder.CARD}: has schema {content['schema']}; this version reads {SCHEMA}")
    _check_files(folder, content)
    try:
        if "tokenizer_sha256" in content:
            content["input"]["tokenizer"] = (folder / run_folder.TOKENIZER).read_text()
        card = _card({name: value for name, value in content.items() if name not in OF_THE_FILE})
        model = build_model(card.network, card.input, card.target_scale)
        read_weights(model.network, folder / run_folder.WEIGHTS)
    except UserError:
        raise
    except (ValueError, OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise UserError(f"{folder}: cannot be read as a model: {' '.join(str(error).split())}") from error
    return model.eval(), card


def whole_step(folder: Path) -> int | None:
    """The step of the model in `folder`, whose files are as they were written; None where there is no folder.

    Raises UserError for a damaged one. What a newer release wrote is its own to compare.
    """
    if not folder.exists():
        return None
    content = _read_card(folder)
    if content["schema"] == SCHEMA:
        _check_files(folder, content)
    step = content.get("step")
    if not isinstance(step, int):
        raise UserError(f"{folder / run_folder.CARD}: is damaged (its step is {step}); {AGAIN}")
    return step


def evaluation_data(card: ModelCard) -> Source:
    """The samples that the card's model is judged on. Raises UserError for data that have changed their classes."""
    source = source_of(card)
    if source.labels != card.labels:
        now, then = (some(labels, 10) for labels in (source.labels, card.labels))
        raise UserError(f"data.source: its labels are {now}; {card.name} was trained on {then}; give back their names")
    return source


def source_of(card: ModelCard) -> Source:
    """The card's source, its samples as the card's model takes them: nothing is fitted again, whatever was added since.

    Raises UserError for data of another kind.
    """
    source = build_source(card.data, half_class(type(card.task)).targets)
    if source.refit is not None and source.input != card.input:
        source = source.refit(card.input)
    source = replace(source, target_scale=card.target_scale)
    return source if card.fold is None else fold_part(source, card.fold)


def _read_card(folder: Path) -> dict[str, Any]:
    """Raises UserError for one that was changed. Before there was a checksum of its own, a card had none."""
    file = folder / run_folder.CARD
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{file}: cannot be read as a model's card: {one_line(error)}; {AGAIN}") from error
    if not isinstance(content, dict) or "schema" not in content:
        raise UserError(f"{file}: cannot be read as a model's card: it names no schema; {AGAIN}")
    if content["schema"] != SCHEMA:
        return content
    if "weights_sha256" not in content or content.get("sha256", _checksum(content)) != _checksum(content):
        raise UserError(f"{file}: is damaged or was edited (its checksum differs); {AGAIN}")
    return content


def _check_files(folder: Path, content: dict[str, Any]) -> None:
    """Raises UserError for one beside the card that is not as it was written."""
    for name, checksum in ((run_folder.WEIGHTS, "weights_sha256"), (run_folder.TOKENIZER, "tokenizer_sha256")):
        file = folder / name
        if checksum in content and (not file.is_file() or sha256(file) != content[checksum]):
            what = "is damaged (its checksum differs)" if file.is_file() else "is missing"
            raise UserError(f"{file}: {what}; {AGAIN}")


def _checksum(content: dict[str, Any]) -> str:
    """Of what the card says, however its text is laid out."""
    said = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _task(said: Said, target_scale: dict[str, Any] | None, labels: tuple[str, ...]) -> Task:
    """In a card of before tasks had settings `target_scale` stands apart."""
    return task_of({"name": said, **target_scale} if target_scale and isinstance(said, str) else said, labels)


def _card(content: dict[str, Any]) -> ModelCard:
    content = dict(content)
    task = _task(content.pop("task"), content.pop("target_scale", None), tuple(content.pop("labels")))
    gate = {FORMER_LIMITS.get(name, name): limit for name, limit in content.get("gate", {}).items()}
    return ModelCard(
        **content
        | {
            "task": task,
            "gate": gate,
            "network": Component(**content["network"]),
            "data": as_recorded(Component(**content["data"])),
            "input": from_plain(content["input"]),
        }
    )
