"""One sample that is asked about, and what of it is sent."""

from typing import Literal, NamedTuple

Form = Literal["file", "row", "instance", "request", "wrong"]


class Sample(NamedTuple):
    source: str
    """The path as it was given or found; - is the standard input."""
    row: int | None
    """Its place in a file of several, from 1; a line of column names is not counted."""
    form: Form
    """A file is sent as it is, rows as CSV, instances as JSON, and a request is a whole body. Of what
    cannot be asked `content` says why."""
    content: bytes = b""
    """Empty for a file, which is read when its turn comes: there may be a million of them."""
    names: bytes = b""
    """The line of column names that a table's rows are sent with."""

    @property
    def place(self) -> str:
        return self.source if self.row is None else f"{self.source}: row {self.row}"

    @property
    def joins(self) -> bool:
        """Whether others can go into the same body."""
        return self.form in ("row", "instance")
