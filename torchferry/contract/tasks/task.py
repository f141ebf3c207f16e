"""The meaning of a network's answers: the half of a task that trainer, gate, servers and client share, without torch.

The other half, targets, losses and what the graph makes of raw outputs, is the class that `training` names.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from torchferry.errors import UserError

Arrays = Mapping[str, np.ndarray]
"""By name; the first axis counts samples."""
Sums = dict[str, np.ndarray]
"""float64 by name, of one shape for any number of samples: those of two sets of samples are added up."""
AGREEMENT = {"fp32": 0.99, "fp16": 0.99, "int8": 0.97}
"""The least of tasks whose answers agree or do not, by rounding."""
MEAN = "mean/"
"""Before the name of a metric among the sums, of which it is the mean."""

NONE = "(none)"
"""What is counted of a sample with no label, where it may have any number of them."""


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """Its fields are what a recipe may set and a bundle says again, all of them values that JSON has; `labels`, which
    the data give, stand apart there."""

    labels: tuple[str, ...] = ()
    """The classes' names, or the values'."""

    training: ClassVar[str]
    """Import path of the half that needs torch, a torchferry.training.tasks.task.TrainingTask."""
    headline: ClassVar[str]
    """The metric that a line about a model names; higher is better, and it decides which checkpoint is best and whether
    a variant is good enough."""
    of_data: ClassVar[tuple[str, ...]] = ()
    """The settings that the data decide, so that a recipe cannot say them."""

    @property
    def told(self) -> tuple[str, ...]:
        """The metrics that a line about an evaluation names, the headline first; all of them are in metrics.jsonl."""
        return (self.headline,)

    @property
    def unsettled(self) -> str | None:
        """The setting that the validation split is to decide once training is over; None where there is none."""
        return None

    def settled(self, rows: Arrays) -> Self:  # noqa: ARG002
        """With what the rows of the validation split decide."""
        return self

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """The names of what the graph gives, in its order."""

    @property
    def adds_up(self) -> bool:
        """Whether metrics are known from sums over samples. Where not, they need the rows of all samples together."""
        return True

    @property
    def scores_labels(self) -> bool:
        """Whether the one output has a number for each label, of which the largest is the best one's."""
        return False

    def columns(self, scores: Any) -> tuple[Any, ...]:
        """Of the one output, [samples, numbers], the columns of the labels; an array's, or a torch tensor's."""
        return (scores,)

    @property
    def scale(self) -> tuple[Any, Any]:
        """Mean and standard deviation, of each label or one for all, that the graph scaled the one output back by. How
        large a difference is, is judged before that."""
        return 0.0, 1.0

    @property
    def has_words(self) -> bool:
        """Whether more is known of an answer than its numbers: what is not is answered with tensors."""
        return True

    @abstractmethod
    def words(self, sample: Arrays, top_k: int) -> dict[str, Any]:
        """One sample's outputs, by name and without the batch, as a JSON object; at most `top_k` labels of a ranking.
        NaN and infinities may be in it."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """JSON schema by member of what `words` gives."""

    @property
    def files(self) -> Mapping[str, str]:
        """The forms other than JSON that an answer to one sample can be given in: their names, as ?form= says them, and
        their media types, as Accept does."""
        return {}

    def file(self, form: str, sample: Arrays, picture: np.ndarray | None) -> bytes:
        """One sample's outputs in a form of `files`. `picture` is what `places` and `masks` are of, uint8 [channels,
        height, width], where the one input is a picture; None for a picture that was sent to a task without places."""
        raise NotImplementedError

    @property
    def places(self) -> tuple[str, ...]:
        """The outputs that are places in the picture, such as boxes: x and y by turns along the last axis, in pixels of
        the network's picture. Of a picture that was sent they are answered in its own pixels."""
        return ()

    @property
    def masks(self) -> Mapping[str, int]:
        """The outputs with a whole number for each pixel, [samples, height, width], and which number stands for what
        the network was not shown. Of a picture that was sent `words` and `file` get them in its own size."""
        return {}

    def read(self, words: Mapping[str, Any]) -> Arrays:  # noqa: ARG002
        """The outputs of one sample that `words` were made of; the client reads answers by it. Raises UserError where
        these do not say them all."""
        raise UserError("the words of this answer do not say all of its numbers; ask for the tensors with infer")

    @property
    def related(self) -> tuple[str, ...]:
        """What a request may ask for that is said of all its samples together; `relations` has it."""
        return ()

    def relations(self, outputs: Arrays) -> Arrays:
        """Of all samples of a request, by the names of `related`, with a row for each sample."""
        raise NotImplementedError

    counts_labels: ClassVar[bool] = False
    """Whether an answer gives labels that can be counted, by `counts` and `counts_of`."""

    @property
    def counted(self) -> tuple[str, ...]:
        """The labels whose shares of the answers are watched, so that a drift shows; empty where there are none."""
        return self.labels if self.counts_labels else ()

    def counts(self, outputs: Arrays) -> np.ndarray:  # noqa: ARG002
        """float64 [counted]: how much of each label is in a batch of answers, in the unit of `counts_of`."""
        return np.zeros(0)

    def counts_of(self, targets: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The same of a batch of targets, as a data set has them."""
        return np.zeros(0)

    @abstractmethod
    def rows(self, outputs: Arrays, targets: Any) -> Arrays:
        """What has to be known of each sample of a batch to judge the answers to it; as little as does."""

    def together(self, rows: Arrays) -> Arrays:
        """The same once all samples are known, such as each one's nearest. Rows of this kind can be drawn again, for
        the interval that a metric lies in."""
        return rows

    def means(self, rows: Arrays) -> Arrays:  # noqa: ARG002
        """The metrics that are a mean over the samples, by name: what each sample gets, float64 [samples], NaN for one
        that does not count."""
        return {}

    def sums(self, rows: Arrays) -> Sums:
        """Of some samples, none included: of each mean the sum, and of how many samples it is."""
        each = {name: np.asarray(values, np.float64) for name, values in self.means(rows).items()}
        return {MEAN + name: np.array([np.nansum(values), (~np.isnan(values)).sum()]) for name, values in each.items()}

    def values(self, sums: Sums) -> dict[str, float]:
        """The metrics by name, from the sums over all samples. Those of single labels are called metric/label."""
        means = {name: value for name, value in sums.items() if name.startswith(MEAN)}
        return {name.removeprefix(MEAN): _quotient(*value.tolist()) for name, value in means.items()}

    def measure(self, rows: Arrays) -> dict[str, float]:
        """The metrics of all samples, whose `rows` have been put `together`."""
        return self.values(self.sums(rows))

    def mistakes(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray] | None:  # noqa: ARG002
        """int64 [samples], a class that pictured samples are spread over, and bool [samples], whether the answer is
        wrong. None where no answer is plainly so."""
        return None

    def confusion(self, sums: Sums) -> np.ndarray | None:  # noqa: ARG002
        """int64 [labels, labels], row the true one, column the predicted one; None where a sample has not one label."""
        return None

    def points(self, rows: Arrays) -> tuple[np.ndarray, np.ndarray] | None:  # noqa: ARG002
        """True and predicted values, float64 [samples, labels] each, where they can be drawn against each other."""
        return None

    def kept(self, rows: Arrays) -> Arrays:
        """What `scores` has to know of them, as little as does: it is held of all samples at once."""
        return rows

    def scores(self, rows: Arrays, times: np.ndarray) -> np.ndarray:
        """float64 [draws]: the headline of several draws of samples, from what is `kept` of them. `times`: int [draws,
        samples], how often each counts."""
        if (mean := self.means(rows).get(self.headline)) is not None:
            known = ~np.isnan(np.asarray(mean, np.float64))
            sums, samples = times @ np.where(known, mean, 0.0), times @ known
            return np.array([_quotient(*each) for each in zip(sums.tolist(), samples.tolist(), strict=True)])
        drawn = (np.repeat(np.arange(len(each)), each) for each in times)
        return np.array([self.measure({n: v[each] for n, v in rows.items()})[self.headline] for each in drawn])

    def score(self, rows: Arrays, times: np.ndarray | None = None) -> float:
        """Of one draw, int [samples], or of each sample once."""
        once = np.ones(len(next(iter(rows.values()))), np.int64)
        return float(self.scores(rows, (once if times is None else times)[None])[0])

    def aligned(self, answered: Arrays, expected: Arrays) -> Arrays:  # noqa: ARG002
        """The answers in the order of the expected ones, where a sample's outputs are a set whose order a near tie
        decides: what is the same stands in the same place. Numbers are compared after that."""
        return answered

    def agreement(self, answered: Arrays, expected: Arrays) -> np.ndarray | None:  # noqa: ARG002
        """float64 [samples], 0..1: how far each answer means what the expected one does. None where only the numbers
        can be compared."""
        return None

    least_agreement: ClassVar[Mapping[str, float]] = {}
    """Of a variant, by its rounding: fp32, fp16 or int8; empty where nothing but numbers is compared."""

    def limits(self, rounding: str) -> Mapping[str, float]:
        """What a variant must keep unless the user says otherwise, by the names of the gate's Limits: half a point of
        the headline and `least_agreement`, or numbers that are near. How near they are in fp32 is the gate's own."""
        if self.least_agreement:
            return {"max_drop": 0.005, "min_agreement": self.least_agreement[rounding]}
        if rounding == "fp32":
            return {}
        return {"max_relative_error": 0.01 if rounding == "fp16" else 0.05,
                "max_changed_share": 0.01 if rounding == "fp16" else 0.03}  # fmt: skip

    def of_outputs(self, labels: Mapping[str, tuple[str, ...] | None]) -> Self:  # noqa: ARG002
        """The task of a bundle with these outputs, which may have labels of their own."""
        return self

    @property
    def labels_by_output(self) -> Mapping[str, tuple[str, ...]]:
        """Of several outputs the labels of those that score some, [samples, labels]."""
        return {}

    @property
    def parts(self) -> "Mapping[str, Task]":
        """Those that it is made of, each of which the gate judges by its own limits."""
        return {}

    @property
    def weights(self) -> Mapping[str, float]:
        """How much each of the parts counts."""
        return {}

    def names_of(self, part: str) -> Mapping[str, str]:
        """The names of a part's outputs here, and its own for them."""
        raise NotImplementedError

    def of_part(self, part: str, outputs: Arrays) -> dict[str, np.ndarray]:
        """A part's outputs by its own names."""
        return {own: outputs[name] for name, own in self.names_of(part).items() if name in outputs}

    def rows_of_part(self, part: str, rows: Arrays) -> Arrays:
        """A part's rows by its own names."""
        raise NotImplementedError

    @property
    def settings(self) -> dict[str, Any]:
        """The fields that differ from their defaults, without the labels."""
        fields = (field for field in dataclasses.fields(self) if field.name != "labels")
        values = ((field, getattr(self, field.name)) for field in fields)
        return {field.name: value for field, value in values if value != field.default}


def _quotient(total: float, samples: float) -> float:
    return total / samples if samples else float("nan")
