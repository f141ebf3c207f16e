"""Keys that may differ, with all that is below them."""

from dataclasses import fields

import pytest

from torchferry.training.checkpointing.may_differ import INSIDE_EPOCH, NEW_RUN, SAME_RUN, is_free
from torchferry.training.config import recipe
from torchferry.training.config.recipe import Recipe


@pytest.mark.parametrize(
    ("key", "free"),
    [("checkpoint.keep", True), ("epochs", True), ("data.workers", True), ("data", False), ("seed", False)],
)
def test_a_key_is_free_with_all_below_it(key: str, free: bool) -> None:
    assert is_free(key, SAME_RUN) == free


def test_every_key_that_may_differ_exists_and_has_a_reason() -> None:
    sections = {"data": recipe.DataConfig, "distributed": recipe.DistributedConfig, "step": recipe.StepConfig}
    for key, reason in NEW_RUN.items():
        first, _, rest = key.partition(".")
        assert first in {field.name for field in fields(Recipe)}, key
        assert not rest or rest in {field.name for field in fields(sections[first])}, key
        assert reason
    assert set(INSIDE_EPOCH) <= NEW_RUN.keys()
