"""Numbers and truth values as text: the decimal sign, the sign between thousands, and the words for true and false."""

import math
import re
from dataclasses import dataclass

TRUTH = {"true": 1.0, "True": 1.0, "TRUE": 1.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}


@dataclass(frozen=True)
class Signs:
    decimal: str = "."
    thousands: str | None = None

    @property
    def pattern(self) -> str:
        """Of a number; RE2 and Python's re with re.ASCII read it alike."""
        point, whole = re.escape(self.decimal), r"\d+"
        if self.thousands:
            whole = rf"(\d+|\d{{1,3}}({re.escape(self.thousands)}\d{{2,3}})*{re.escape(self.thousands)}\d{{3}})"
        exact = rf"[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?"
        return rf"^({exact}|[+-]?(inf|Inf|INF|infinity|Infinity))$"

    def number(self, text: str) -> float | None:
        """None where the text is no number; NaN where it says so."""
        if text.lstrip("+-").lower() == "nan":
            return math.nan
        if not re.match(self.pattern, text, re.ASCII):
            return None
        return float(text.replace(self.thousands or "", "").replace(self.decimal, "."))

    def __str__(self) -> str:
        return f"decimal '{self.decimal}'" + (f" and thousands '{self.thousands}'" if self.thousands else "")


PLAIN = Signs()
