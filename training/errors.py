"""Errors of samples and runs."""

from torchferry.errors import UserError


class CorruptSample(UserError):
    """A sample that cannot be read; the message names it. `data.on_corrupt` says what happens then."""


class RankError(UserError):
    """Of one rank alone, which says it at once, because the others wait for it and have nothing to say."""


class SaidElsewhere(UserError):
    """What ends this rank is another's UserError, and that rank says it."""


class NotFinite(UserError):
    """Weights or a loss are no longer finite. The loop adds which checkpoint is good."""

    @classmethod
    def of_loss(cls, loss: float, step: int) -> "NotFinite":
        """Of training."""
        return cls(
            f"the training loss is {loss} at step {step}; a smaller optimizer.args.lr, a longer warm-up, "
            "step.clip_norm or step.skip_nonfinite may help"
        )


class RunFailed(Exception):
    """The machine or a store failed, not the recipe, so the same command tries again; the exit code is 1.

    It has no text on ranks where another rank, or a line before, says why.
    """
