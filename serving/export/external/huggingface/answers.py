"""Answers of transformers' networks as the tasks here take them: by name, scores alone, for each pixel, candidates."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.export.external.flattened import flattened
from torchferry.serving.export.external.forward_signature import Wrapped

NEVER = -100.0
"""A logit whose sigmoid is 0."""


class Named(Wrapped):
    """All tensors by their names, or those that are `kept`; what is None, or a cache for the next word, is left out."""

    def __init__(self, network: nn.Module, kept: Sequence[str] = ()) -> None:
        super().__init__(network)
        self.kept = tuple(kept)

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        given = self.network(*arguments, **keywords)
        return self.answered(given if isinstance(given, Mapping) else {"output": given}, _pictures(arguments, keywords))

    def answered(self, given: Mapping[str, Any], pictures: Any) -> Any:  # noqa: ARG002  # those of others need them
        tensors = {name: value for name, value in given.items() if value is not None and _are_tensors(value)}
        if unknown := [name for name in self.kept if name not in tensors]:
            has = f"it has {', '.join(tensors)}"
            raise UserError(f"--outputs: there is no output '{unknown[0]}'{did_you_mean(unknown[0], tensors, has)}")
        return tensors[self.kept[0]] if len(self.kept) == 1 else {name: tensors[name] for name in self.kept or tensors}


class Scores(Named):
    """Logits [batch, labels], or values."""

    def answered(self, given: Mapping[str, Any], pictures: Any) -> torch.Tensor:  # noqa: ARG002
        return given["logits"]


class Pixels(Named):
    """Logits for each pixel of the picture, enlarged as post_process_semantic_segmentation does."""

    def answered(self, given: Mapping[str, Any], pictures: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(given["logits"], size=pictures.shape[-2:], mode="bilinear", align_corners=False)


class Candidates(Named):
    """Boxes of middles and sides, 0 to 1, as corners in pixels, as post_process_object_detection does.

    A network with a logit for no object has one label for each box, by softmax; others have a sigmoid for each label.
    """

    def __init__(self, network: nn.Module, labels: int) -> None:
        super().__init__(network)
        self.labels = labels

    def answered(self, given: Mapping[str, Any], pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        middles, sides = given["pred_boxes"].split(2, dim=-1)
        height, width = pictures.shape[-2:]
        corners = torch.cat([middles - sides / 2, middles + sides / 2], dim=-1)
        logits = given["logits"]
        if logits.shape[-1] != self.labels:
            logits = _of_the_likeliest(logits)
        return {"boxes": corners * corners.new_tensor([width, height, width, height]), "logits": logits}


class Vector(Named):
    """The projection, such as image_embeds."""

    def answered(self, given: Mapping[str, Any], pictures: Any) -> torch.Tensor:  # noqa: ARG002
        return next(value for name, value in given.items() if name.endswith("_embeds"))


def _of_the_likeliest(logits: torch.Tensor) -> torch.Tensor:
    """For the likeliest label the logit whose sigmoid is its softmax, NEVER for the others; the last is no object.

    It is taken from the logits: of a softmax that float32 rounds to 1 it would be infinite."""
    labels = logits[..., :-1]
    is_best = functional.one_hot(labels.argmax(dim=-1), labels.shape[-1]).bool()
    others = torch.cat([labels.masked_fill(is_best, -torch.inf), logits[..., -1:]], dim=-1)
    return torch.where(is_best, labels - others.logsumexp(dim=-1, keepdim=True), NEVER)


def _pictures(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
    return keywords.get("pixel_values", arguments[0] if arguments else None)


def _are_tensors(value: Any) -> bool:
    return all(member is None or isinstance(member, torch.Tensor) for member in flattened(value).values())
