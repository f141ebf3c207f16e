"""The inputs of a model that was not trained here, as a server takes them."""

from collections.abc import Sequence

from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.trained import decode_of


def input_tensors(
    inputs: Sequence[GivenInput], allow_nan: bool, columns: str | None, allow_infinity: bool = False
) -> tuple[TensorSpec, ...]:
    """Only floating-point numbers can be NaN, and only one row of them has columns. Raises UserError for others."""
    floats = [each.datatype.startswith(("FP", "BF")) for each in inputs]
    for option, is_given, what in (("nan", allow_nan, "NaN"), ("infinity", allow_infinity, "infinite")):
        if is_given and not any(floats):
            raise UserError(
                f"--allow-{option}: none of the inputs is of floating-point numbers, which alone can be {what}"
            )
    table = None if columns is None else _table(columns.split(","), inputs, allow_nan)
    return tuple(
        TensorSpec(
            name=each.name,
            datatype=each.datatype,
            shape=(-1, *each.of.shape),
            allow_nan=allow_nan and is_float,
            allow_infinity=True if allow_infinity and is_float else None,
            table=table,
            decode=decode_of(each.of),
        )
        for each, is_float in zip(inputs, floats, strict=True)
    )


def _table(columns: Sequence[str], inputs: Sequence[GivenInput], allow_nan: bool) -> TableSpec:
    names = [name.strip() for name in columns]
    if len(inputs) > 1 or len(inputs[0].of.shape) > 1 or not inputs[0].datatype.startswith("FP"):
        raise UserError("--columns: is for a model of one table, such as --input table:3")
    if len(names) != inputs[0].of.shape[0]:
        raise UserError(f"--columns: has {len(names)} names; --input says {inputs[0].of.shape[0]} columns")
    if odd := [name for name in names if not name or names.count(name) > 1]:
        raise UserError(f"--columns: names '{odd[0]}' more than once" if odd[0] else "--columns: has an empty name")
    return TableSpec(columns=tuple(Encoder(column=name) for name in names), keeps_nan=allow_nan)
