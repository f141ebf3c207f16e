"""Sequences of requests whose state is kept between them: so many of a model, for a limited time.

The requests of one sequence are computed in the order in which they came, each once the one before is answered, while
those of others share its batches. A request that fails leaves the state as it was, so that it can be sent again. All of
it belongs to the event loop's thread.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

import numpy as np

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import Overloaded, UnknownSequence, WrongParameter, WrongTensor
from torchferry.serving.onnx_server.sequence_parameters import ID, START, InSequence

ENDED, TIMEOUT, UNLOADED, RESTARTED = "end", "timeout", "unloaded", "restarted"
"""Why one is kept no more, as it is counted."""
REMEMBERED = 1024
"""Of the latest that are kept no more, it is known why."""
RETRY_SECONDS = 1
Arrays = Mapping[str, np.ndarray]
Key = tuple[str, int | str]
"""Whose it is, where clients have tokens, and its id: nobody goes on with another's."""


class Kept:
    """A sequence."""

    def __init__(self, key: Key) -> None:
        self.key, self.used = key, 0.0
        self.state: Arrays | None = None
        """By input, what the next request begins with; None until the first one is answered."""
        self.line: deque[Step] = deque()
        """Its requests that are here, of which the first has its turn."""


class Step:
    """A request in the line of its sequence."""

    def __init__(self, kept: Kept, asked: InSequence) -> None:
        self.kept, self.asked = kept, asked
        self.turn: asyncio.Future[None] | None = None
        """Of one that waits for it."""
        self.state: Arrays | None = None
        """Behind it, once it is computed."""


class Sequences:
    """Of one version of a model. None is kept where `most` is 0, or where the model carries no state."""

    def __init__(
        self, name: str, bundle: Bundle, start: Arrays, most: int, seconds: float, ended: Callable[[str], None]
    ) -> None:
        """`start`: what a sequence begins with; `seconds`: that one is kept without a request; `ended` is told why one
        is kept no more."""
        self.name, self.bundle, self.start = name, bundle, start
        self.most, self.seconds, self.ended = most, seconds, ended
        self.kept: OrderedDict[Key, Kept] = OrderedDict()
        """The least recently used first."""
        self.gone: OrderedDict[Key, str] = OrderedDict()
        """Why the latest are kept no more, in words."""
        self.timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        return len(self.kept)

    @property
    def bytes(self) -> int:
        states = (kept.state.values() for kept in self.kept.values() if kept.state)
        return sum(values.nbytes for state in states for values in state)

    @property
    def are_kept(self) -> bool:
        return bool(self.bundle.state and self.most)

    @property
    def words(self) -> str:
        """For whoever starts the server."""
        each = sum(values.nbytes for values in self.start.values())
        return (
            f"keeps the state of up to {self.most:,} sequences, {each:,} bytes each, {self.seconds:g} s after a request"
        )

    def keeps(self, owner: str, asked: InSequence) -> bool:
        return (owner, asked.id) in self.kept

    def brought(self, asked: InSequence, names: Sequence[str]) -> tuple[TensorSpec, ...]:
        """The inputs that a request has to bring, which has these: all but the state, which may be there at its start.
        Raises WrongParameter and WrongTensor."""
        self._check(asked)
        if not asked.start and (given := [name for name in names if name in self.bundle.state]):
            words = f"leave it out, or send it with {START} to begin with it"
            raise WrongTensor(f"'{given[0]}' is kept by the server for the sequence {asked.id!r}; {words}")
        return tuple(spec for spec in self.bundle.inputs if spec.name in names or spec.name not in self.bundle.state)

    def answered(self, outputs: Iterable[str]) -> list[str]:
        """Those that are answered where a request names none: all but the state, which is kept."""
        return [name for name in outputs if name not in self.bundle.state.values()]

    def enter(self, owner: str, asked: InSequence) -> Step:
        """Take the last place in the sequence's line. Raises UnknownSequence and Overloaded."""
        key = (owner, asked.id)
        kept = self.kept.get(key)
        if kept is None:
            if not asked.start:
                raise self._unknown(key)
            if len(self.kept) >= self.most:
                words = f"{self.name} keeps {self.most:,} sequences, as many as it may (--sequences)"
                raise Overloaded(f"{words}; one that ends, or has no request for {self.seconds:g} s, makes room",
                                 RETRY_SECONDS)  # fmt: skip
            kept = self.kept[key] = Kept(key)
            self.gone.pop(key, None)
            self._use(kept)
        step = Step(kept, asked)
        kept.line.append(step)
        return step

    def turn(self, step: Step, samples: int) -> "asyncio.Future[None] | None":
        """What to wait for; None where it is its turn. Raises WrongTensor for other than one sample."""
        if samples != 1:
            words = "each of a batch is one of a sequence of its own"
            raise WrongTensor(f"a request of a sequence has one sample, and this has {samples}; {words}")
        if step.kept.line[0] is not step:
            step.turn = asyncio.get_running_loop().create_future()
        return step.turn

    def inputs(self, step: Step, given: Arrays) -> Arrays:
        """All of the model's, once it is its turn. Raises UnknownSequence where the one before has ended it."""
        state = self.start if step.asked.start else step.kept.state
        if state is None:
            raise self._unknown(step.kept.key)
        return {spec.name: given[spec.name] if spec.name in given else state[spec.name] for spec in self.bundle.inputs}

    def computed(self, step: Step, outputs: Arrays) -> None:
        # Copies: what a session gave may be a part of what a whole batch was answered.
        step.state = {name: outputs[output].copy() for name, output in self.bundle.state.items()}

    def leave(self, step: Step, *, is_answered: bool) -> None:
        """It is over; only if it is answered is its state the sequence's."""
        kept = step.kept
        kept.line.remove(step)
        if is_answered:
            kept.state = None if step.asked.end else step.state
        if kept.line:
            if (turn := kept.line[0].turn) and not turn.done():
                turn.set_result(None)
        elif kept.state is None and self.kept.get(kept.key) is kept:
            del self.kept[kept.key]
        if is_answered and step.asked.end:
            self._note(kept.key, ENDED, "it has ended")
        self._use(kept)

    def forget(self, owner: str, asked: InSequence) -> None:
        """It was begun anew in another version."""
        if kept := self.kept.pop((owner, asked.id), None):
            kept.state = None
            self._note(kept.key, RESTARTED, "it was begun anew in another version")

    def follow(self, before: "Sequences", reason: str) -> None:
        """Whoever goes on here with a sequence of a version that is no more is told so."""
        for key in before.kept:
            self._remember(key, reason)

    def close(self) -> None:
        """All end."""
        if self.timer:
            self.timer.cancel()
        for _ in self.kept:
            self.ended(UNLOADED)
        self.kept.clear()

    def _check(self, asked: InSequence) -> None:
        """Raises WrongParameter where none is kept."""
        if self.are_kept:
            return
        why = f"{self.name} carries no state from request to request"
        if state := self.bundle.state:
            sent = ", ".join(f"'{output}' of an answer as '{name}'" for name, output in state.items())
            why = f"this server keeps no sequences (--sequences is 0); send {sent} of the next request"
        raise WrongParameter(f"{ID} is {asked.id!r}, and {why}")

    def _unknown(self, key: Key) -> UnknownSequence:
        name = f"{self.name} {self.bundle.version}"
        why = self.gone.get(key, f"it was not begun, or had no request for {self.seconds:g} s")
        return UnknownSequence(f"{name} keeps no sequence {key[1]!r}: {why}; its first request has {START}")

    def _note(self, key: Key, reason: str, words: str) -> None:
        self._remember(key, words)
        self.ended(reason)

    def _remember(self, key: Key, words: str) -> None:
        self.gone[key] = words
        if len(self.gone) > REMEMBERED:
            self.gone.popitem(last=False)

    def _use(self, kept: Kept) -> None:
        if self.kept.get(kept.key) is kept:
            kept.used = time.monotonic()
            self.kept.move_to_end(kept.key)
            if not self.timer:
                self.timer = asyncio.get_running_loop().call_later(self.seconds, self._look)

    def _look(self) -> None:
        """End those that have not been used for so long, and look again when the next one may be."""
        now = time.monotonic()
        for kept in list(takewhile(lambda kept: kept.used + self.seconds <= now, self.kept.values())):
            if kept.line:
                self._use(kept)
            else:
                del self.kept[kept.key]
                self._note(kept.key, TIMEOUT, f"it had no request for {self.seconds:g} s (--sequence-timeout)")
        left = next((kept.used + self.seconds - now for kept in self.kept.values()), None)
        self.timer = None if left is None else asyncio.get_running_loop().call_later(left, self._look)
