"""Missing values and infinities in tensors of floating-point numbers: taken where the model takes them, else refused.

Whichever way the numbers came: as JSON, as lines of text, typed or raw.
"""

import numpy as np

from torchferry.contract.table import WrongRow
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import WrongTensor


def checked_values(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """`values` of the tensor's shape; of a table with what stands for each missing number. Raises WrongTensor.

    Infinities are taken only where the contract says so.
    """
    if np.isfinite(values).all():  # 10 us for 150 kB, quicker than the sum is
        return values
    if np.isinf(values).any() and not spec.allow_infinity:
        raise WrongTensor(f"'{spec.name}' is infinite {_place(np.isinf(values), spec)}; finite numbers are taken")
    if not spec.allow_nan and np.isnan(values).any():
        where = _place(np.isnan(values), spec)
        raise WrongTensor(f"'{spec.name}' is missing (NaN) {where}; the model does not take missing values")
    if spec.table is None or not np.isnan(values).any():
        return values
    try:
        return spec.table.with_gaps_filled(values)
    except WrongRow as error:
        raise WrongTensor(f"'{spec.name}': {error}") from error


def _place(odd: np.ndarray, spec: TensorSpec) -> str:
    """Of the first one."""
    place = [int(index) for index in np.argwhere(odd)[0]]
    if spec.table and len(place) == 2 and place[1] < len(spec.table.numbers):
        return f"in row {place[0] + 1}, '{spec.table.numbers[place[1]]}'"
    return f"at {place}"
