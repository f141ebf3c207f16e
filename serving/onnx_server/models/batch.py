"""A batch: requests whose tensors are computed together in a session."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from torchferry.serving.errors import DeadlinePassed, InferenceFailed, RequestError
from torchferry.serving.onnx_server.inference import Outputs, Work
from torchferry.serving.session.onnx_session import Cancellation
from torchferry.serving.session.padding import Padding


class Session(Protocol):
    """What computes batches: an OnnxSession."""

    def run(
        self, inputs: Mapping[str, np.ndarray], cancellation: Cancellation | None = None
    ) -> dict[str, np.ndarray]: ...


class Batch:
    def __init__(self, works: Sequence[Work], padding: Padding | None = None) -> None:
        """`padding`: of works whose samples may have unequal sizes."""
        self.works, self.padding = works, padding
        self.samples = sum(work.size for work in works)
        if padding:
            padded = padding.padded([work.sizes for work in works])
            for work in works:
                work.padding = work.size * padded - work.cost
        self.cancellation: Cancellation | None = None
        """Ends its run from another thread, if one may."""
        self.results: Sequence[Outputs | Exception] = ()
        """One for each of the works, in their order, once it has run."""

    def run(self, session: Session) -> None:
        """Compute all at once; if that fails, each alone, so that none answers for its neighbour."""
        results = self._compute(session, self.works)
        if isinstance(results, Exception):
            alone = [self._alone(session, work) for work in self.works] if len(self.works) > 1 else [results]
            self.results = [result if isinstance(result, Exception) else result[0] for result in alone]
        else:
            self.results = results

    def end_unwanted(self) -> None:
        """End its run if nobody waits for any of its works any more."""
        if self.cancellation and all(work.is_over for work in self.works):
            self.cancellation.cancel()

    def _alone(self, session: Session, work: Work) -> list[Outputs] | Exception:
        """Unless nobody waits for it by now."""
        if work.is_over or work.deadline <= time.monotonic():
            return DeadlinePassed("the request was not answered within its time")
        return self._compute(session, [work])

    def _compute(self, session: Session, works: Sequence[Work]) -> list[Outputs] | Exception:
        try:
            # A request alone needs no np.concatenate, which would copy its tensors.
            if len(works) == 1:
                return [session.run(works[0].inputs, self.cancellation)]
            inputs, padding = [work.inputs for work in works], self.padding
            together = padding.together(inputs) if padding else _together(inputs)
            shares = _shares(session.run(together, self.cancellation), [work.size for work in works])
            if padding:
                return [padding.own(share, work.sizes) for share, work in zip(shares, works, strict=True)]
            return shares
        except (RequestError, DeadlinePassed) as error:
            return error
        except Exception as error:  # whatever the session throws is one request's end, not the server's
            failed = InferenceFailed(f"{type(error).__name__}: {error}")
            failed.__cause__ = error
            return failed


def _together(inputs: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([each[name] for each in inputs]) for name in inputs[0]}


def _shares(outputs: Outputs, sizes: Sequence[int]) -> list[Outputs]:
    """Each request's rows of the outputs."""
    # A graph may lose the batch axis, and slices would then be of something else.
    for name, values in outputs.items():
        if len(values) != sum(sizes):
            raise ValueError(f"output '{name}' has {len(values)} rows for {sum(sizes)} samples")
    shares: list[Outputs] = []
    start = 0
    for size in sizes:
        # Views: the batch's arrays live until the last of its answers is written.
        shares.append({name: values[start : start + size] for name, values in outputs.items()})
        start += size
    return shares
