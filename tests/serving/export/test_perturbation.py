"""Numbers are changed by a 1e-5th or their last bit, and whole ones are not."""

import numpy as np
import pytest
import torch
from torch import nn

from torchferry.serving.export.perturbation import CHANGE, perturb, perturbed, perturbed_array


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_each_number_goes_up_or_down(dtype: torch.dtype) -> None:
    values = torch.full((100,), 1.5, dtype=dtype)
    changed = perturbed(values, chance())
    assert changed.dtype == dtype
    assert len(changed.unique()) == 2
    assert float((changed - values).abs().max()) <= 1.5 * max(2 * CHANGE, 2 * torch.finfo(dtype).eps)


def test_whole_numbers_stay() -> None:
    values = np.array([0, 3, -7], np.float32)
    np.testing.assert_array_equal(perturbed_array(values, chance()), values)
    assert perturbed_array(ids := np.array([1, 2]), chance()) is ids


def test_a_modules_parameters_and_buffers_are_changed_in_place() -> None:
    module = nn.Linear(4, 2)
    module.register_buffer("mean", torch.tensor([0.1, 0.2]))
    module.register_buffer("seen", torch.tensor(3))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    perturb(module, chance())
    changed = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"weight", "bias", "mean"}
