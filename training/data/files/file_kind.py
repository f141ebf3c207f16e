"""A kind of files, such as pictures, told from others by endings and first bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class FileKind:
    word: str
    """For one of them, in messages."""
    suffixes: tuple[str, ...]
    """Names of such files end so, the usual ending first."""
    formats: tuple[str, ...]
    """Those that can be read, for people."""
    head: int
    """Bytes by which `begins` knows one."""
    begins: Callable[[bytes], bool]
    list_source: str
    """The source that reads their labels from a list."""

    @cached_property
    def endings(self) -> frozenset[bytes]:
        return frozenset(suffix.encode() for suffix in self.suffixes)

    @property
    def example(self) -> str:
        return f"*.{self.suffixes[0]}"
