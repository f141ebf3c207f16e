"""Several tasks at once: what a network gives, targets and losses are dictionaries by head."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from torchferry.contract.tasks.find import made
from torchferry.contract.tasks.heads import Heads as HeadsTask
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.data.several import part_of
from torchferry.training.data.source import Source, TargetScale, TargetScales
from torchferry.training.tasks.task import Raw, Targets, TrainingTask

KEY = "task.args.heads"


class Heads(TrainingTask):
    task: HeadsTask
    targets, takes = "several", "the targets of each head"
    default_loss = "heads"
    losses: ClassVar[tuple[str, ...]] = ("heads",)

    @classmethod
    def of(cls, kind: type[Task], settings: Mapping[str, Any], source: Source) -> "Heads":
        """Heads are in the source's order. Raises UserError unless each has targets, and each target a head."""
        cls.check_source(source)
        given = made(kind, settings, source.labels)
        assert isinstance(given, HeadsTask)
        has = f"data.source has {', '.join(source.parts)}"
        for head in given.heads:
            if head not in source.parts:
                raise UserError(f"{KEY}.{head}: has no targets{did_you_mean(head, source.parts, has)}")
        for part in source.parts:
            if part not in given.heads:
                raise UserError(f"{KEY}: data.source has targets for {part} too; name a task for it, or with weight 0")
        heads = {part: _said(part, given, source) for part in source.parts}
        return cls(made(kind, {"heads": heads}, source.labels))

    @cached_property
    def halves(self) -> dict[str, TrainingTask]:
        from torchferry.training.tasks import half_of  # which knows this one too

        return {head: half_of(task) for head, task in self.task.tasks.items()}

    @property
    def target_scale(self) -> TargetScales | None:
        scales = {head: half.target_scale for head, half in self.halves.items()}
        return {head: scale for head, scale in scales.items() if isinstance(scale, TargetScale)} or None

    def check_outputs(self, given: Raw, samples: int) -> None:
        names = ", ".join(self.halves)
        if not isinstance(given, dict):
            raise UserError(
                f"model: gives a {type(given).__name__}, not a dictionary with a tensor for each of {names}"
            )
        for head in self.halves:
            if head not in given:
                raise UserError(f"model: gives nothing for head {head}; it gives {', '.join(map(str, given))}")
        for name in given:
            if name not in self.halves:
                raise UserError(f"model: gives {name}, which is no head{did_you_mean(str(name), self.halves)}")
        for head, half in self.halves.items():
            try:
                half.check_outputs(given[head], samples)
            except UserError as error:
                raise UserError(f"head {head}: {error}") from error

    @property
    def loss_width(self) -> int:
        """The largest of any head."""
        return max(half.loss_width for half in self.halves.values())

    def for_loss(self, outputs: Raw, targets: Targets) -> tuple[Raw, Targets]:
        both = {head: half.for_loss(outputs[head], targets[head]) for head, half in self.halves.items()}
        return {head: each[0] for head, each in both.items()}, {head: each[1] for head, each in both.items()}

    def blank_targets(self, samples: int) -> Targets:
        return {head: half.blank_targets(samples) for head, half in self.halves.items()}

    def varied_targets(self, samples: int, random: torch.Generator) -> Targets:
        return {head: half.varied_targets(samples, random) for head, half in self.halves.items()}

    def test_loss(self, outputs: Raw, targets: Targets) -> torch.Tensor:
        """The sum of the heads' by their weights."""
        each = {head: half.test_loss(outputs[head], targets[head]) for head, half in self.halves.items()}
        return torch.stack([self.task.weights[head] * loss for head, loss in each.items()]).sum()

    def answers(self, outputs: Raw) -> dict[str, torch.Tensor]:
        return {
            name: answered[own]
            for head, half in self.halves.items()
            for answered in [half.answers(outputs[head])]
            for name, own in self.task.names_of(head).items()
        }

    def raw(self, answers: Mapping[str, torch.Tensor]) -> Raw | None:
        found = {}
        for head, half in self.halves.items():
            names = self.task.names_of(head).items()
            found[head] = half.raw({own: answers[name] for name, own in names})
        return None if any(each is None for each in found.values()) else found

    def wrong_targets(self, targets: Targets) -> tuple[int, str] | None:
        for head, half in self.halves.items():
            if wrong := half.wrong_targets(targets[head]):
                return wrong[0], f"of head {head} {wrong[1]}"
        return None

    def batched(self, targets: list[Any]) -> Targets:
        return {head: half.batched([each[head] for each in targets]) for head, half in self.halves.items()}

    def of_tensors(self, held: list[torch.Tensor]) -> Targets:
        """As training.data.several holds them: a tensor for each head in the source's order, which is the heads'."""
        return {head: half.of_tensors([held[place]]) for place, (head, half) in enumerate(self.halves.items())}

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        """A line for each head's truth and answer; a mistake of any is one."""
        said = {h: half.caption(self.task.of_part(h, answer), truth[h]) for h, half in self.halves.items()}
        lines = [f"{head}: {text}".replace("\n", ", ") for head, (text, _) in said.items()]
        return "\n".join(lines), any(wrong for _, wrong in said.values())

    def drawn(self, pixels: np.ndarray, answer: Mapping[str, np.ndarray], truth: Any) -> np.ndarray:
        """As the first head that draws something has it; others may take a picture of another size."""
        found = (half.drawn(pixels, self.task.of_part(head, answer), truth[head]) for head, half in self.halves.items())
        return next((picture for picture in found if picture is not pixels), pixels)


def _said(head: str, given: HeadsTask, source: Source) -> dict[str, Any]:
    """Of a head, with those settings that the data decide. Raises UserError for data of another task."""
    from torchferry.training.tasks import half_class  # which knows this one too

    kind, settings = type(given.tasks[head]), given.tasks[head].settings
    try:
        half = half_class(kind).of(kind, settings, part_of(source, head))
    except UserError as error:
        raise UserError(f"{KEY}.{head}: {error}") from error
    return {**given.heads[head], **half.task.settings}
