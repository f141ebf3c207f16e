"""Several tasks at once: what a network gives, targets and losses are dictionaries by head."""

from collections.abc import Mapping
from dataclasses import replace
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
        _check_parts(given, source)
        halves = {part: _half(part, given, source) for part in source.parts}
        heads = {part: {**given.heads[part], **half.task.settings} for part, half in halves.items()}
        task = cls(made(kind, {"heads": heads}, source.labels))
        task.halves = halves  # which know of the source what the task does not say, such as the pictures' size
        return task

    def judged_by(self, source: Source) -> "Heads":
        """Heads are in the source's order, in which a data set in memory holds their targets."""
        self.check_source(source)
        _check_parts(self.task, source)
        halves = {part: self.halves[part].judged_by(part_of(source, part)) for part in source.parts}
        heads = {part: {**self.task.heads[part], **half.task.settings} for part, half in halves.items()}
        return Heads(replace(self.task, heads=heads))

    @cached_property
    def halves(self) -> dict[str, TrainingTask]:
        from torchferry.training.tasks import half_of  # which knows this one too

        return {head: half_of(task) for head, task in self.task.tasks.items()}

    def picked(self, given: Raw) -> Raw:
        """Of each head what its task takes."""
        if not isinstance(given, Mapping):
            return given
        there = {head: value for head, value in given.items() if value is not None}
        each = {head: self.halves[head].picked(value) if head in self.halves else None for head, value in there.items()}
        return {head: there[head] if value is None else value for head, value in each.items()}

    def labels_in(self, given: Raw, key: str) -> int:
        self.check_heads(given, key)
        return sum(half.labels_in(given[head], f"{key}, head {head}") for head, half in self.halves.items())

    def take_outputs(self, given: Raw) -> None:
        for head, half in self.halves.items():
            half.take_outputs(given[head])

    @property
    def moves(self) -> bool:
        return any(half.moves for half in self.halves.values())

    @property
    def fill(self) -> int:
        return max(half.fill for half in self.halves.values())

    @property
    def target_scale(self) -> TargetScales | None:
        scales = {head: half.target_scale for head, half in self.halves.items()}
        return {head: scale for head, scale in scales.items() if isinstance(scale, TargetScale)} or None

    def check_heads(self, given: Raw, key: str) -> None:
        """Raises UserError unless the network gives something for each head, and for nothing else."""
        names = ", ".join(self.halves)
        if not isinstance(given, dict):
            raise UserError(
                f"{key}: gives a {type(given).__name__}, not a dictionary with a tensor for each of {names}"
            )
        for head in self.halves:
            if head not in given:
                raise UserError(f"{key}: gives nothing for head {head}; it gives {', '.join(map(str, given))}")
        for name in given:
            if name not in self.halves:
                raise UserError(f"{key}: gives {name}, which is no head{did_you_mean(str(name), self.halves)}")

    def check_outputs(self, given: Raw, samples: int) -> None:
        self.check_heads(given, "model")
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

    def lacking(self, targets: Targets) -> frozenset[str]:
        each = {head: half.lacking(targets[head]) for head, half in self.halves.items()}
        return frozenset(f"{what} for head {head}" for head, lacks in each.items() for what in lacks)

    def batched(self, targets: list[Any]) -> Targets:
        return {head: half.batched([each[head] for each in targets]) for head, half in self.halves.items()}

    def of_tensors(self, held: list[torch.Tensor]) -> Targets:
        """As training.data.several holds them: a tensor for each head in the source's order, which is the heads'."""
        return {head: half.of_tensors([held[place]]) for place, (head, half) in enumerate(self.halves.items())}

    def taken(self, targets: Targets, place: int) -> Any:
        return {head: half.taken(targets[head], place) for head, half in self.halves.items()}

    def marked(self, target: Any) -> Any:
        """Transforms leave what is not marked as it is."""
        return {h: half.marked(target[h]) if half.moves else target[h] for h, half in self.halves.items()}

    def unmarked(self, moved: Any) -> Any:
        return {h: half.unmarked(moved[h]) if half.moves else moved[h] for h, half in self.halves.items()}

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        """A line for each head's truth and answer; a mistake of any is one."""
        said = {h: half.caption(self.task.of_part(h, answer), truth[h]) for h, half in self.halves.items()}
        lines = [f"{head}: {text}".replace("\n", ", ") for head, (text, _) in said.items()]
        return "\n".join(lines), any(wrong for _, wrong in said.values())

    def drawn(self, pixels: np.ndarray, answer: Mapping[str, np.ndarray], truth: Any) -> np.ndarray:
        """As the first head that draws something has it; others may take a picture of another size."""
        found = (half.drawn(pixels, self.task.of_part(head, answer), truth[head]) for head, half in self.halves.items())
        return next((picture for picture in found if picture is not pixels), pixels)


def _check_parts(given: HeadsTask, source: Source) -> None:
    """Raises UserError unless each head has targets, and each target a head."""
    has = f"data.source has {', '.join(source.parts)}"
    for head in given.heads:
        if head not in source.parts:
            raise UserError(f"{KEY}.{head}: has no targets{did_you_mean(head, source.parts, has)}")
    for part in source.parts:
        if part not in given.heads:
            raise UserError(f"{KEY}: data.source has targets for {part} too; name a task for it, or with weight 0")


def _half(head: str, given: HeadsTask, source: Source) -> TrainingTask:
    """Of a head, with those settings that the data decide. Raises UserError for data of another task."""
    from torchferry.training.tasks import half_class  # which knows this one too

    kind, settings = type(given.tasks[head]), given.tasks[head].settings
    try:
        return half_class(kind).of(kind, settings, part_of(source, head))
    except UserError as error:
        raise UserError(_placed(head, str(error))) from error


def _placed(head: str, said: str) -> str:
    """What its task says of itself, said of a head: under the head's key, in the place of the task's own."""
    if said.startswith("task.args."):
        return f"{KEY}.{head}.{said.removeprefix('task.args.')}"
    return f"{KEY}.{head}: {said.removeprefix('task: ')}"
