"""Numbers and dates that are written as text."""

import itertools
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from torchferry.contract.dates import DATE
from torchferry.contract.signs import PLAIN, Signs
from torchferry.errors import UserError

ARGUMENTS = "data.source.args"
THOUSANDS = (None, ",", ".", " ", "'", "\u00a0", "\u202f")
ZONED = r"(Z|[T ].*[+-]\d{2}(:?\d{2})?)$"
NUMERIC = r"^[+-]?[\d.,' \x{a0}\x{202f}]*\d[\d.,' \x{a0}\x{202f}]*([eE][+-]?\d+)?$"
LOCAL_DATE = r"^\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})( .*)?$|^\d{4}/\d{1,2}/\d{1,2}( .*)?$"


def numbers_in(cells: pa.ChunkedArray, signs: Signs) -> pa.ChunkedArray:
    """float64, null where a cell is none."""
    if signs == PLAIN:
        try:
            return cells.cast(pa.float64())
        except pa.ArrowInvalid:  # some cell
            pass
    cells = pc.if_else(pc.match_substring_regex(cells, signs.pattern), cells, pa.scalar(None, cells.type))
    if signs.thousands:
        cells = pc.replace_substring(cells, signs.thousands, "")
    if signs.decimal != ".":
        cells = pc.replace_substring(cells, signs.decimal, ".")
    return cells.cast(pa.float64())


def signs_of(columns: Mapping[str, pa.ChunkedArray], decimal: str | None, thousands: str | None, name: str) -> Signs:
    """The signs with which the columns of numbers are numbers; raises UserError if these may be several, or none."""
    pairs = itertools.product((decimal,) if decimal else (".", ","), (thousands,) if thousands else THOUSANDS)
    possible = [Signs(point, group) for point, group in pairs if point != group]
    odd = [key for key, cells in columns.items() if not _are_numbers(cells, possible[0]) and _looks_like_numbers(cells)]
    if not odd:
        return possible[0]
    numeric = {key: cells for key, cells in columns.items() if key in odd or _are_numbers(cells, possible[0])}
    fitting = {key: _fitting(cells, possible) for key, cells in numeric.items()}
    left = [signs for signs in possible if all(signs in fits for fits in fitting.values() if fits)]
    if possible[0] in left:
        return possible[0]
    key = next(key for key in odd if fitting[key] and possible[0] not in fitting[key])
    found = f"{name}: column '{key}' has '{_first_odd(columns[key], possible[0])}'"
    if not left:
        todo = f"give {ARGUMENTS}.decimal and thousands, or columns_as: {{{key}: category}}"
        raise UserError(f"{found}, and other columns have numbers with other signs; {todo}")
    several = _different(left, list(numeric.values()))
    if len(several) > 1:
        words = " or ".join(map(str, several))
        raise UserError(f"{found}, which may be read with {words}; say which in {ARGUMENTS}")
    return left[0]


def _different(possible: list[Signs], columns: list[pa.ChunkedArray]) -> list[Signs]:
    """One for each way in which they give other numbers."""
    kept: list[tuple[Signs, list[pa.ChunkedArray]]] = []
    for signs in possible:
        numbers = [numbers_in(cells, signs) for cells in columns]
        if not any(all(map(pa.ChunkedArray.equals, numbers, other)) for _, other in kept):
            kept.append((signs, numbers))
    return [signs for signs, _ in kept]


def is_number(cells: pa.ChunkedArray, signs: Signs) -> pa.ChunkedArray:
    return pc.match_substring_regex(cells, signs.pattern)


def seconds(cells: pa.ChunkedArray, form: str | None = None) -> pa.ChunkedArray:
    """float64, seconds since 1970, UTC where there is no zone; null where a cell is no date.

    Dates are ISO 8601's, or as `form` says in the signs of strptime.
    """
    if form is not None:
        return in_seconds(pc.strptime(cells, format=form, unit="us", error_is_null=True))
    cells = pc.if_else(pc.match_substring_regex(cells, DATE), cells, pa.scalar(None, cells.type))
    zoned = pc.match_substring_regex(cells, ZONED)
    plain = pc.if_else(zoned, pa.scalar(None, cells.type), cells)
    absolute = pc.if_else(zoned, cells, pa.scalar(None, cells.type))
    return pc.coalesce(_timestamps(plain, None), _timestamps(absolute, "UTC"))


def in_seconds(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """float64 of dates and timestamps."""
    unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    if not pa.types.is_timestamp(times.type):
        times = times.cast(pa.timestamp("s"))
    return pc.divide(times.cast(pa.int64()).cast(pa.float64(), safe=False), float(unit[times.type.unit]))


def is_local_date(cells: pa.ChunkedArray) -> bool:
    """Whether every cell may be a date such as 3/4/2026, of which nobody knows the month."""
    return bool(pc.all(pc.match_substring_regex(cells, LOCAL_DATE)).as_py())


def _timestamps(cells: pa.ChunkedArray, zone: str | None) -> pa.ChunkedArray:
    for unit in ("us", "ns"):  # ns has no years before 1678
        try:
            return in_seconds(cells.cast(pa.timestamp(unit, zone)))
        except pa.ArrowInvalid:
            continue
    # Some day or hour is none, such as February 30: one after the other.
    return pa.chunked_array([pa.array([_second(cell.as_py(), zone) for cell in cells], pa.float64())])


def _second(cell: str | None, zone: str | None) -> float | None:
    if cell is None:
        return None
    try:
        return in_seconds(pa.chunked_array([pa.array([cell]).cast(pa.timestamp("us", zone))]))[0].as_py()
    except pa.ArrowInvalid:
        return None


def _looks_like_numbers(cells: pa.ChunkedArray) -> bool:
    """Half of the cells or more, whatever the signs."""
    there = pc.drop_null(cells)
    return len(there) > 0 and 2 * pc.sum(pc.match_substring_regex(there, NUMERIC)).as_py() >= len(there)


def _are_numbers(cells: pa.ChunkedArray, signs: Signs) -> bool:
    return numbers_in(cells, signs).null_count == cells.null_count


def _fitting(cells: pa.ChunkedArray, possible: list[Signs]) -> list[Signs]:
    """Those with which most cells are numbers, if that is half of them."""
    there = pc.drop_null(cells)
    occurring = {sign for sign in (*THOUSANDS, *(each.thousands for each in possible)) if sign and _has(there, sign)}
    counts = {
        signs: pc.sum(is_number(there, signs)).as_py()
        for signs in possible
        if signs.thousands is None or signs.thousands in occurring
    }
    best = max(counts.values(), default=0)
    fits = [signs for signs, count in counts.items() if count == best and 2 * count >= len(there)]
    # Signs that do not occur change nothing.
    return fits + [each for each in possible if each not in counts and Signs(each.decimal) in fits]


def _has(cells: pa.ChunkedArray, sign: str) -> bool:
    return bool(pc.any(pc.match_substring(cells, sign)).as_py())


def _first_odd(cells: pa.ChunkedArray, signs: Signs) -> str:
    there = pc.drop_null(cells)
    return there.filter(pc.invert(is_number(there, signs)))[0].as_py()
