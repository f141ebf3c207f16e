"""Names of a file are read as the network's, by the first reading that fits."""

import pytest
from torch import nn

from torchferry.training.models.weight_names import names_of, prefixes_that_fit, read_names

NETWORK = nn.ModuleDict({"body": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
OWN = list(NETWORK.state_dict())


@pytest.mark.parametrize(
    ("given", "files"),
    [
        (OWN, OWN),
        ([f"module.{name}" for name in OWN], [f"module.{name}" for name in OWN]),
        ([f"a.b.{name}" for name in OWN], [f"a.b.{name}" for name in OWN]),
        ([f"module.{name}" for name in OWN] + ["n_averaged"], [f"module.{name}" for name in OWN]),
    ],
)
def test_a_reading_maps_the_networks_names_to_the_files(given: list[str], files: list[str]) -> None:
    reading = read_names(given, names_of(NETWORK, []))
    assert reading.fits
    assert reading.files == dict(zip(OWN, files, strict=True))


def test_what_does_not_fit_is_told_of_the_nearest_reading() -> None:
    reading = read_names(["module.body.weight", "module.body.bias", "module.x"], names_of(NETWORK, []))
    assert (reading.missing, reading.extra) == (["head.weight", "head.bias"], ["x"])
    assert not reading.fits


def test_what_is_skipped_is_neither_missing_nor_too_much() -> None:
    names = names_of(NETWORK, ["head."])
    assert names.wanted == ["body.weight", "body.bias"]
    reading = read_names(["body.weight", "body.bias", "head.other"], names)
    assert reading.fits
    assert reading.left_out == ["head.other"]


def test_a_part_of_the_file_that_has_all_is_found_by_what_stands_before_it() -> None:
    names = names_of(NETWORK, [])
    given = [*(f"a.{name}" for name in OWN), *(f"b.c.{name}" for name in OWN), "d.body.weight"]
    assert prefixes_that_fit(given, names) == ["a.", "b.c."]
    assert prefixes_that_fit(OWN, names) == []
    assert prefixes_that_fit([], names) == []
