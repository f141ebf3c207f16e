"""Batches that a server may form: of which sizes, in which order, beside whom, and where each compared sample is."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from torchferry.serving.export.checks.company import COMPARED, SIZES, Company, company_of, pool_of
from torchferry.serving.export.samples import Samples

NEIGHBOURS = ["zeros", "large values", "large negative values", "NaN"]


def pool(count: int = 40, dtype: torch.dtype = torch.float32) -> dict[str, np.ndarray]:
    return pool_of(Samples(TensorDataset(torch.arange(1, 1 + count).to(dtype)[:, None]), ("x",)), 4)


def company(most: int | None = None, given: dict[str, np.ndarray] | None = None) -> Company:
    return company_of(given or pool(), most, lambda _: True)


def beside(found: Company) -> list[str]:
    return [together.how.partition(" beside ")[2] for together in found.batches if "beside" in together.how][::2]


def test_the_golden_samples_come_first_and_others_evenly_spread() -> None:
    given = pool()["x"][:, 0]
    assert given[:4].tolist() == [1, 14, 27, 40]
    assert len(given) == 4 + SIZES[-1]
    assert (given[4], given[-1]) == (1, 40)


@pytest.mark.parametrize("most", [None, 2, 3, 4, 7, 20, 1000])
def test_each_compared_sample_is_where_it_is_said_to_be(most: int | None) -> None:
    found = company(most)
    samples = found.samples["x"]
    assert len(samples) == COMPARED
    for together in found.batches:
        assert together.places
        for place, sample in together.places.items():
            assert together.inputs["x"][place] == samples[sample], together.how
    assert {sample for together in found.batches for sample in together.places.values()} == set(range(COMPARED))


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(None, [2, 3, 5, 32]), (2, [2]), (4, [2, 3, 4]), (20, [2, 3, 5, 20]), (500, [2, 3, 5, 32])],
)
def test_no_batch_is_larger_than_those_of_the_server(most: int | None, sizes: list[int]) -> None:
    found = company(most)
    assert max(together.size for together in found.batches) <= min(most or 32, 32)
    assert [together.size for together in found.batches if together.how == f"a batch of {together.size}"] == sizes


def test_one_sample_has_no_company() -> None:
    assert company(1).batches == ()


def test_the_samples_of_all_batches_are_bounded() -> None:
    assert sum(together.size for together in company(given=pool(5000)).batches) <= 70


def test_each_sample_has_another_place_in_another_order() -> None:
    orders = [
        [int(sample) for sample in together.places.values()]
        for together in company().batches
        if together.how.endswith("order")
    ]
    assert orders == [list(range(COMPARED))[::-1]]


def test_there_are_neighbours_unlike_all_others_behind_and_before() -> None:
    found = company()
    assert beside(found) == NEIGHBOURS
    values = {what: [] for what in NEIGHBOURS}  # type: dict[str, list[list[float]]]
    for together in found.batches:
        if what := together.how.partition(" beside ")[2]:
            values[what].append(together.inputs["x"][:, 0].tolist())
    for what, expected in zip(NEIGHBOURS, (0.0, 4e7, -4e7, np.nan), strict=True):
        behind, before = values[what]
        np.testing.assert_array_equal([behind[0], before[-1]], [expected, expected])
    copies = [together for together in found.batches if "copies" in together.how]
    assert [np.unique(together.inputs["x"]).size for together in copies] == [1]


def test_of_whole_numbers_it_is_the_first_that_the_network_takes() -> None:
    def takes(inputs: Mapping[str, np.ndarray]) -> bool:
        return bool((inputs["x"] < 5000).all())

    found = company_of(pool(dtype=torch.int64), None, takes)
    assert beside(found) == ["zeros", "large whole numbers"]
    assert {together.inputs["x"].max() for together in found.batches if "large whole" in together.how} == {1000}


def test_a_neighbour_that_the_network_does_not_take_is_left_out() -> None:
    found = company_of(pool(), None, lambda inputs: not np.isnan(inputs["x"]).any())
    assert beside(found) == NEIGHBOURS[:-1]


def test_pixels_become_white_and_truth_values_true() -> None:
    given = {"image": np.zeros((6, 2), np.uint8), "mask": np.zeros((6, 1), np.bool_)}
    found = company(given=given)
    assert beside(found) == ["zeros", "large whole numbers"]
    white = found.batches[-1].inputs
    assert (white["image"][-1].tolist(), white["mask"][-1].tolist()) == ([255, 255], [True])


def test_one_sample_to_be_judged_on_has_the_company_of_its_copies() -> None:
    found = company(given=pool(1))
    assert {together.size for together in found.batches} >= {2, 3, 5, 32}
