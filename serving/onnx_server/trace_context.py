"""W3C trace context: who a request belongs to, taken over from its traceparent (https://www.w3.org/TR/trace-context/)."""

import re
import secrets
from dataclasses import dataclass
from typing import Self

FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
KNOWN_FLAGS = 0b11
"""Sampled, and random of level 2; a flag that is not known is passed on as 0, as the standard asks."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    trace_id: str
    """32 digits of hexadecimal, lower case."""
    span_id: str
    """16 digits: of the caller as it comes in, of this server as it goes out."""
    flags: str = "00"
    """Two digits; the lowest bit says that the trace is kept."""

    @classmethod
    def read(cls, traceparent: str) -> Self | None:
        """None for what is no traceparent: then there is no trace, and the request goes on."""
        if not (found := FORM.fullmatch(traceparent.strip())):
            return None
        version, trace_id, span_id, flags, more = found.groups()
        wrong = version == "ff" or not int(trace_id, 16) or not int(span_id, 16)
        wrong = wrong or (version == "00" and more is not None)  # only later versions may have more
        return None if wrong else cls(trace_id, span_id, flags)

    def child(self) -> "TraceContext":
        """A span of this server in the same trace."""
        return TraceContext(self.trace_id, secrets.token_hex(8), f"{int(self.flags, 16) & KNOWN_FLAGS:02x}")

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"
