"""Checks that an evaluation says anything: numbers that are none never make a checkpoint the best in silence."""

import math

from torchferry.errors import UserError
from torchferry.training.config.recipe import Recipe
from torchferry.training.errors import NotFinite
from torchferry.training.evaluation import Evaluation


def check_result(result: Evaluation, recipe: Recipe, step: int) -> str | None:
    """A line for people where only the headline is unknown, as r2 is of targets that are all the same.

    Raises NotFinite for a loss that is no number, and UserError where nothing was judged, or where the recipe chooses
    by a headline that is unknown.
    """
    loss = result.values.get("loss", 0.0)
    if not math.isfinite(loss):
        raise NotFinite(
            f"the loss of the {result.split} set is {loss} after step {step}; a smaller optimizer.args.lr, a longer "
            "warm-up or step.clip_norm may help, unless a sample's numbers are out of bounds"
        )
    if not math.isnan(result.score):
        return None
    headline, split = result.told[0], f"{result.split} set"
    if all(math.isnan(value) for name, value in result.values.items() if name != "loss"):
        raise UserError(f"data.source: the {split} has nothing to judge by: {', '.join(result.told)} are all NaN")
    unknown = [name for name in result.told if math.isnan(result.values[name])]
    said = f"{' and '.join(unknown)} cannot be computed of the {split}'s {result.samples} samples"
    if recipe.checkpoint.export == "best":
        raise UserError(f"checkpoint.export: best is the checkpoint of the highest {headline}, but {said}; use last")
    if recipe.early_stopping.patience is not None:
        raise UserError(f"early_stopping.patience: waits for a higher {headline}, but {said}; use null")
    return f"{said}, so no checkpoint is the best"
