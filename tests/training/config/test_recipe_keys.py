import dataclasses

import pytest

from torchferry.training.config.recipe_keys import item_of, meant, recipe_keys, section_of


def test_every_key_has_its_type_and_what_it_is_by_default() -> None:
    keys = recipe_keys()
    assert (keys["data.batch_size"].type, keys["data.batch_size"].default) == (int, 64)
    assert keys["data.source.name"].default is dataclasses.MISSING
    assert keys["weights.skip"].default == []
    assert keys["step.clip_norm"].type == float | None
    assert list(keys).index("data") + 1 == list(keys).index("data.source")


def test_every_key_that_is_no_section_says_what_it_means() -> None:
    assert [key.name for key in recipe_keys().values() if not key.meaning and not section_of(key.type)] == []
    assert recipe_keys()["step.clip_norm"].meaning.startswith("Largest norm of all gradients")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("optimiser", "optimizer"),
        ("data.batch_sise", "data.batch_size"),
        ("batch_size", "data.batch_size"),
        ("presicion", "step.precision"),
        ("optimizer.lr", "optimizer.args.lr"),
        ("model.class_path", "model.name"),
        ("model.init_args", "model.args"),
        ("model.agrs", "model.args"),
        ("model.arg.width", "model.args.width"),
        ("optimiser.name", "optimizer.name"),
        ("zzz", None),
    ],
)
def test_the_key_that_was_meant(name: str, key: str | None) -> None:
    assert meant(name) == key


def test_sections_are_told_from_lists_of_parts() -> None:
    keys = recipe_keys()
    assert section_of(keys["weights"].type) is not None
    assert section_of(keys["data.augment"].type) is None
    assert item_of(keys["data.augment"].type) is not None
    assert item_of(keys["weights.skip"].type) is str
