"""A batch: requests whose tensors are computed together in a session."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from torchferry.serving.errors import DeadlinePassed, InferenceFailed, RequestError
from torchferry.serving.onnx_server.inference import Outputs, Work
from torchferry.serving.session.onnx_session import Cancellation


class Session(Protocol):
    """What computes batches: an OnnxSession."""

    def run(
        self, inputs: Mapping[str, np.ndarray], cancellation: Cancellation | None = None
    ) -> dict[str, np.ndarray]: ...


class Batch:
    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self.samples = sum(work.size for work in works)
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
            inputs = {name: np.concatenate([work.inputs[name] for work in works]) for name in works[0].inputs}
            return _shares(session.run(inputs, self.cancellation), [work.size for work in works])
        except (RequestError, DeadlinePassed) as error:
            return error
        except Exception as error:  # whatever the session throws is one request's end, not the server's
            failed = InferenceFailed(f"{type(error).__name__}: {error}")
            failed.__cause__ = error
            return failed


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
