"""A session that computes no more samples together than the bundle allows: for models whose samples must not meet."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torchferry.serving.session import Session

Arrays = Mapping[str, np.ndarray]


class CappedSession:
    """Whatever is asked of it beside `run` is the session's own: its provider, its module."""

    def __init__(self, session: "Session", most: int) -> None:
        """`most`: samples in one call, at least 1."""
        self.session, self.most = session, most

    def run(self, inputs: Arrays, *given: Any) -> dict[str, np.ndarray]:
        """`given`: what else the session itself takes."""
        return in_parts(lambda part: self.session.run(part, *given), inputs, self.most)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def capped(session: Any, most: int | None) -> Any:
    """The session itself where None says that any number may be computed together."""
    return session if most is None else CappedSession(session, most)


def in_parts(run: Callable[[Arrays], dict[str, np.ndarray]], inputs: Arrays, most: int | None) -> dict[str, np.ndarray]:
    """Outputs by name of `run`, which is given at most so many samples of `inputs` at a time; None is no limit."""
    first, *others = [run(part) for part in parts_of(inputs, most)]
    if not others:  # np.concatenate would copy it
        return first
    return {name: np.concatenate([values, *(other[name] for other in others)]) for name, values in first.items()}


def parts_of(inputs: Arrays, most: int | None) -> list[Arrays]:
    """At most so many samples each; all of them where that is None."""
    count = len(next(iter(inputs.values())))
    if most is None or count <= most:
        return [inputs]
    return [{name: values[start : start + most] for name, values in inputs.items()} for start in range(0, count, most)]
