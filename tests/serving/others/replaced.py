"""A package's own pipeline with something else in the place of its session, or of its module of torch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

Run = Callable[[Sequence[np.ndarray]], list[np.ndarray]]
"""From a model's inputs, in their order, to its outputs."""
Replace = Callable[[Run], Run]
"""What is asked instead of the package's own model."""
Answer = Callable[..., torch.Tensor | tuple[torch.Tensor, ...]]

DTYPES = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
"""By ONNX Runtime's names."""


class Session:
    """One of ONNX Runtime's, but for what it computes."""

    def __init__(self, own: Any, replace: Replace) -> None:
        self.own = own
        self.inputs = {each.name: DTYPES[each.type] for each in own.get_inputs()}
        self.outputs = [each.name for each in own.get_outputs()]
        self.compute = replace(lambda given: own.run(None, dict(zip(self.inputs, given, strict=True))))

    def run(self, wanted: Sequence[str] | None, inputs: dict[str, np.ndarray], *_: object) -> list[np.ndarray]:
        given = self.compute([np.asarray(inputs[name], dtype) for name, dtype in self.inputs.items()])
        return [given[self.outputs.index(name)] for name in wanted or self.outputs]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)


def answered(own: Answer, replace: Replace) -> Answer:
    """A module, or its `forward`, whose outputs are one tensor or a tuple of them, but for what it computes."""

    def run(given: Sequence[np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            answer = own(*map(torch.from_numpy, given))
        return [each.numpy() for each in (answer if isinstance(answer, tuple) else (answer,))]

    compute = replace(run)

    def forward(*tensors: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        answers = tuple(map(torch.from_numpy, compute([each.numpy() for each in tensors])))
        return answers if len(answers) > 1 else answers[0]

    return forward


def asked_of(example: Callable[[Replace], Any]) -> list[Sequence[np.ndarray]]:
    """The inputs of each call that the package makes of its model."""
    seen: list[Sequence[np.ndarray]] = []

    def noting(own: Run) -> Run:
        def run(given: Sequence[np.ndarray]) -> list[np.ndarray]:
            seen.append(given)
            return own(given)

        return run

    example(noting)
    return seen
