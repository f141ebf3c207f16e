"""Dates as text: seconds since 1970, UTC where there is no zone, and back."""

import re
from datetime import UTC, datetime, timedelta

DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
"""ISO 8601's that are read. RE2 and Python's re with re.ASCII read it alike."""
_PARTS = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?", re.ASCII
)
_EPOCH = datetime(1970, 1, 1)
_SHORT = {
    "%D": "%m/%d/%y",
    "%F": "%Y-%m-%d",
    "%R": "%H:%M",
    "%T": "%H:%M:%S",
    "%e": "%d",
    "%h": "%b",
    "%n": " ",
    "%t": " ",
}
"""What C's strptime, which training reads dates with, knows and Python's does not."""
_NANOSECONDS_FROM, _NANOSECONDS_TO = datetime(1677, 9, 22), datetime(2262, 4, 11)
"""The days that 64 bits of nanoseconds hold."""


def seconds_of(text: str, form: str | None = None) -> float | None:
    """None where the text is no date of ISO 8601's, or of `form` in the signs of strptime."""
    try:
        return _formed(text, form) if form else _iso(text)
    except (ValueError, OverflowError):  # a day or hour that there is not
        return None


def written(seconds: float, form: str | None = None) -> str:
    """The date as `seconds_of` reads it, to the microsecond. Raises OverflowError for a year beyond 1 to 9999."""
    moment = _EPOCH + timedelta(seconds=seconds)
    if form:
        return moment.replace(tzinfo=UTC).strftime(form)
    return moment.date().isoformat() if moment.time() == _EPOCH.time() else moment.isoformat()


def _iso(text: str) -> float | None:
    found = _PARTS.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    fraction, sign, zone_hours, zone_minutes = found.groups()[6:]
    moment = datetime(year, month, day, hour, minute, second)
    if sign:
        offset = timedelta(hours=_below(zone_hours, 24), minutes=_below(zone_minutes or "0", 60))
        moment += -offset if sign == "+" else offset
    digits = fraction or ""
    places = 6 if len(digits) <= 6 else 9
    if len(digits) > 9 or (places == 9 and not _NANOSECONDS_FROM <= moment < _NANOSECONDS_TO):
        return None
    # In whole micro- or nanoseconds first, as training's reader counts them: the float is then the same one.
    whole = (moment - _EPOCH) // timedelta(seconds=1) * 10**places + int(digits.ljust(places, "0"))
    return float(whole) / 10**places


def _formed(text: str, form: str) -> float:
    for short, whole in _SHORT.items():
        form = form.replace(short, whole)
    moment = datetime.strptime(text, form)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return float((moment - _EPOCH) // timedelta(microseconds=1)) / 1e6


def _below(text: str, limit: int) -> int:
    if int(text) >= limit:
        raise ValueError
    return int(text)
