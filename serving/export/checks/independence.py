"""Finds out whether a sample's answer depends on the samples beside it, for the checkpoint in eager mode
and for each variant, before a server computes samples of several requests together.

A few samples are computed alone and in all the company that `company.py` has. What kernels round differently for
another batch is no dependence. For the checkpoint arithmetic decides: a difference that stays in float64 is the
network's. A variant of a checkpoint that passed is judged by how large the difference is: rounding for a float32 one,
and what their kind may lose for the others.

A network that makes a share of its values of what is rounded is refused as well: no two of its answers are alike, and
nothing tells a right one from a wrong one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.bundle.answers import aligned
from torchferry.serving.export.checks.company import COMPARED, Arrays, Company, Together, company_of, pool_of
from torchferry.serving.export.checks.differences import amount, difference, scale, scales
from torchferry.serving.export.checks.near_ties import excused, near_ties
from torchferry.serving.export.checks.repeatable import check_repeatable
from torchferry.serving.export.in_double import InDouble
from torchferry.serving.export.progress import SILENT, Progress
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.torch_program import place, reason
from torchferry.serving.session import Session
from torchferry.serving.session.capped_session import parts_of
from torchferry.serving.session.runtimes import RUNTIMES

SEEN = 1e-4
"""A difference above this share of the largest value of its element is looked at in float64."""
STAYS = 0.01
"""What keeps this share of itself in float64 is the network's; what was rounded keeps a billionth."""
SHARE = 1e-3
"""By how much of an output's largest value a variant's answers may differ; of whole numbers, how many may."""
SHARES = {"fp32": SHARE, "fp16": 0.01, "int8": 0.1}
ROUNDING = 10
"""And by so many times what eager mode has rounded."""
MOST = 0.05
"""But by no more than this share, which eager mode may not round either: servers allow twice as much, a tenth."""
REPEATED = 4
"""Samples of the calls that must be answered alike."""
WAY_ON = (
    "servers compute samples of several requests together; mend what goes over the batch (statistics, sorting, "
    "branches), or say --max-batch 1 and they compute each sample alone"
)
CHAOTIC = (
    "by nothing but what float32 rounds: small differences grow to a share of its values, so that no variant and no "
    "server can answer as the checkpoint does; mend what makes them grow, or export the part before it"
)

Run = Callable[[Arrays], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Dependence:
    """What company does to a variant's answers."""

    refusal: str | None
    """Why it may not be served, or None."""
    largest: dict[str, float]
    """By output of floating-point numbers, the largest difference of those that are allowed."""


class Independence:
    """Of a reference, once; then `of` for each variant."""

    def __init__(self, reference: Reference, golden: int, progress: Progress = SILENT) -> None:
        """`golden`: how many of its first samples are the bundle's golden ones. Raises UserError for a network that is
        random in evaluation, keeps something from call to call, or whose samples are not independent."""
        self.reference, self.progress = reference, progress
        pool = pool_of(reference.test, golden)
        repeated = Together(f"a batch of {REPEATED}", {name: values[:REPEATED] for name, values in pool.items()}, {})
        self.data = f"{reference.name}: does not take its evaluation data"
        # Before the neighbours, whose values a running mean would never get rid of.
        check_unchanged = check_repeatable(reference, lambda: self._together(repeated))
        self.company = company_of(pool, reference.max_batch, self._takes)
        self.rounding = {spec.name: 0.0 for spec in reference.outputs}
        """By output of floating-point numbers: the largest difference in eager mode that is one of rounding."""
        self.is_zero: set[str] = set()
        """Outputs that are nothing but what is rounded: zeros in float64."""
        alone = _alone(self._eager("model: does not compute a sample alone"), self.company)
        self.scales = {name: scale(values) for name, values in alone.items()}
        self.ties = {name: np.zeros(values.shape, bool) for name, values in alone.items() if values.dtype.kind != "f"}
        """By output of whole numbers and truth values: which elements company changes, but not in float64."""
        for together in self._batches(self.company.batches):
            self._check(alone, together)
        check_unchanged()

    def of(self, session: Session, variant: str) -> Dependence:
        """What the variant's own session makes of the samples; what it raises for them is passed on."""
        share = SHARES[RUNTIMES[variant].rounding]
        batches = [each for each in self.company.batches if not self._is_the_gates(each)]
        alone = _alone(session.run, self.company) if batches else {}
        largest = {name: 0.0 for name, values in alone.items() if values.dtype.kind == "f"}
        for together in self._batches(batches):
            for name, values in self._aligned(_answered(session, together), alone, together).items():
                apart = _apart(alone[name], values, together)
                if values.dtype.kind != "f" and apart.any() and apart.shape:
                    samples = list(together.places.values())
                    apart = apart * ~(self._near_ties[name] | self.ties[name])[samples]
                by = amount(apart, values)
                if not by <= self._allowed(name, share):
                    words = _words(name, by, together, values)
                    return Dependence(f"its samples are not independent: {words}", largest)
                if name in largest:
                    largest[name] = max(largest[name], by)
        return Dependence(None, largest)

    def _allowed(self, name: str, share: float) -> float:
        """Of whole numbers a share: what is rounded of them are near ties, which are not counted."""
        if name in self.ties:
            return share
        most = np.inf if name in self.is_zero else max(share, MOST) * self.scales[name]
        return float(min(share * self.scales[name] + ROUNDING * self.rounding[name], most))

    def _is_the_gates(self, together: Together) -> bool:
        """Whether the gate asks a variant for as large a batch, beside the checkpoint, which is asked here for this."""
        return together.size > COMPARED and (self.reference.test.count or 0) >= together.size

    def _batches(self, batches: Sequence[Together]) -> Iterator[Together]:
        """A pass over the samples of the company, which may be more than those of the evaluation set."""
        self.progress.reads(sum(together.size for together in batches))
        for together in batches:
            yield together
            self.progress.has_read(together.size)

    def _takes(self, inputs: Arrays) -> bool:
        """A neighbour that cannot be computed does no harm: then a server computes each request of the batch alone."""
        try:
            self.reference.run(inputs)
        except Exception:  # whatever a network makes of it
            return False
        return True

    def _eager(self, words: str) -> Run:
        """Raises UserError with these words for what the network cannot compute."""

        def run(inputs: Arrays) -> dict[str, np.ndarray]:
            try:
                return self.reference.run(inputs)
            except Exception as error:
                raise UserError(f"{words}{place(error)}: {reason(error)}") from error

        return run

    def _together(self, together: Together) -> dict[str, np.ndarray]:
        words = f"model: {together.how} fails, though each sample alone does not; mend it, or say --max-batch 1"
        try:
            return self._eager(words)(together.inputs)
        except UserError:
            for sample in parts_of(together.inputs, 1):
                self._eager(self.data)(sample)  # one of those that are not compared may be to blame
            raise

    def _check(self, alone: Arrays, together: Together) -> None:
        for name, values in self._aligned(self._together(together), alone, together).items():
            apart = _apart(alone[name], values, together)
            if (apart > SEEN * scales(alone[name])).any() and not self._is_rounding(name, apart, together, alone):
                words = _words(name, amount(apart, values), together, values)
                raise UserError(f"model: its samples are not independent: {words}; {WAY_ON}")
            if self._is_chaotic(name, apart, together, alone):
                words = _words(name, amount(apart, values), together, values)
                raise UserError(f"model: its answers cannot be compared: {words}, {CHAOTIC}")

    def _aligned(self, answered: Arrays, alone: Arrays, together: Together) -> Arrays:
        """The compared samples' answers, in the order that they have alone."""
        if any(len(values) != together.size for values in answered.values()) or not answered:
            return answered
        places, samples = list(together.places), list(together.places.values())
        beside = {name: values[places] for name, values in answered.items()}
        moved = aligned(self.reference, beside, {name: values[samples] for name, values in alone.items()})
        made = {name: values.copy() for name, values in answered.items()}
        for name, values in moved.items():
            made[name][places] = values
        return made

    def _is_rounding(self, name: str, apart: np.ndarray, together: Together, alone: Arrays) -> bool:
        if not np.isfinite(apart).all():
            return False
        stays = self._stays(name, together)
        if stays is None:
            if name in self.ties:
                apart = apart * ~self._near_ties[name][list(together.places.values())]
            return amount(apart, alone[name]) <= SHARE * scale(alone[name])
        # Each element by itself: what is rounded of a large one may be more than the whole of its neighbour.
        return bool(((stays <= STAYS * apart) | (apart <= SEEN * scales(alone[name]))).all())

    def _stays(self, name: str, together: Together) -> np.ndarray | None:
        """What the company changes in float64; None where that is not known."""
        if self._in_double is None:
            return None
        exact, exactly_alone = self._in_double
        try:
            exactly = self._aligned(exact.run(together.inputs), exactly_alone, together)
        except Exception:  # such as of a neighbour that cannot be computed
            return None
        return _apart(exactly_alone[name], exactly[name], together)

    def _is_chaotic(self, name: str, apart: np.ndarray, together: Together, alone: Arrays) -> bool:
        """Whether what was rounded is a share of the output. It is noted what was."""
        if name in self.ties:
            np.logical_or.at(self.ties[name], list(together.places.values()), apart > 0)
            ties = int(self.ties[name].sum())
            return excused(ties, self.ties[name].size) < ties
        self.rounding[name] = max(self.rounding[name], amount(apart, alone[name]))
        if self.rounding[name] <= MOST * self.scales[name]:
            return False
        if self._is_nothing(name):
            self.is_zero.add(name)
        return name not in self.is_zero

    def _is_nothing(self, name: str) -> bool:
        """Whether the output is zero but for rounding."""
        return self._in_double is not None and scale(self._in_double[1][name]) <= MOST * self.scales[name]

    @cached_property
    def _near_ties(self) -> dict[str, np.ndarray]:
        return near_ties(self.reference, self.company.samples)

    @cached_property
    def _in_double(self) -> tuple[InDouble, dict[str, np.ndarray]] | None:
        """None, which is said, where the network insists on float32."""
        try:
            exact = self.reference.in_double()
            return exact, _alone(exact.run, self.company)
        except Exception as error:  # whatever a network makes of float64
            words = (
                f"of what a batch changes near ties and {SHARE:g} of an output's largest value are taken for rounding"
            )
            self.progress.says(f"model: is not computed in float64 ({reason(error)}); {words}")
            return None


def _answered(session: Session, together: Together) -> Mapping[str, np.ndarray]:
    try:
        return session.run(together.inputs)
    except Exception:
        if together.is_extreme:
            return {}
        raise


def _alone(run: Run, company: Company) -> dict[str, np.ndarray]:
    """The outputs of the compared samples, each computed alone. Raises UserError for shapes that differ by sample."""
    answers = [run(inputs) for inputs in company.alone]
    outputs = {}
    for name in answers[0]:
        shapes = {answer[name].shape for answer in answers}
        if len(shapes) > 1 or next(iter(shapes))[:1] != (1,):
            shown = " and ".join(str(list(shape)) for shape in sorted(shapes)[:2])
            raise UserError(f"model: its output '{name}' is {shown} for one sample; [1, ...] is expected, always alike")
        outputs[name] = np.concatenate([answer[name] for answer in answers])
    return outputs


def _apart(alone: np.ndarray, values: np.ndarray, together: Together) -> np.ndarray:
    """Of each compared sample in the batch, from its answer alone."""
    if len(values) != together.size:
        return np.array(np.inf)
    return difference(alone[list(together.places.values())], values[list(together.places)])


def _words(name: str, apart: float, together: Together, values: np.ndarray) -> str:
    if len(values) != together.size:
        return f"'{name}' has {len(values)} rows for {together.how}"
    by = f"by {apart:.2g}" if values.dtype.kind == "f" else f"in {apart:.2%} of its elements"
    by = by if np.isfinite(apart) else "by more than can be counted"
    return f"'{name}' of a sample differs {by} between alone and in {together.how}"
