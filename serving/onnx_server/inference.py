"""An inference request, its work on a session, and its answer, in no protocol's form."""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from torchferry.contract.placement import Placement
from torchferry.nearest import nearest
from torchferry.serving.errors import WrongParameter
from torchferry.serving.onnx_server.remembered import Remembered
from torchferry.serving.onnx_server.sequence_parameters import SEQUENCE, InSequence, read_sequence
from torchferry.serving.session.padding import Sizes

Shapes = tuple[tuple[int, ...], ...]
Outputs = Mapping[str, np.ndarray]

OF_REQUESTS = ("timeout", "priority", "binary_data_output", "triton_enable_empty_final_response", *SEQUENCE)
ELSEWHERE = {
    "shared_memory_": "this server keeps no shared memory",
    "sequence_": f"a request is one of a sequence by {', '.join(SEQUENCE)} of its own",
}
"""What names begin with that mean something elsewhere, and what is right here."""
PARAMETERS = 64
"""Each is compared with ours, which takes its time."""
LIKE = 0.85
"""How alike a parameter is to one of ours to be a misspelling of it."""
PRIORITIES = {"interactive": True, "batch": False}
CLOCK_SECONDS = 0.005
"""How exactly deadlines are kept; the event loop's own timers are no more exact than a millisecond."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that was asked for by name."""

    name: str
    classes: int = 0
    """If above 0: the so many best classes as BYTES `value:index:label` (the classification extension)."""
    raw: bool = False
    """As bytes behind the JSON; gRPC's always are."""


@dataclass(slots=True)
class Inference:
    inputs: Mapping[str, np.ndarray]
    """By name; without those of `files` until they are decoded."""
    files: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    """Pictures, texts in UTF-8 and sounds by the input's name, one a sample, instead of its tensor."""
    id: str = ""
    outputs: Sequence[Wanted] = ()
    """All, if none is named."""
    interactive: bool = True
    timeout: float | None = None
    """Seconds, the time in the queue included."""
    sequence: InSequence | None = None
    """The one that it is of, whose state the server keeps."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    heads: Remembered[Shapes, bytes] | None = None
    """What stands before the raw elements of an answer, by the outputs' shapes: kept for those who ask the same."""

    placements: Sequence[Placement] = ()
    """Where the pictures that were sent are in the network's, one a sample, once they are decoded."""

    def of(self, inputs: Mapping[str, np.ndarray], files: Mapping[str, Sequence[bytes]]) -> "Inference":
        """The same asked of these inputs."""
        said = self.id, self.outputs, self.interactive, self.timeout, self.sequence, self.parameters, self.heads
        return Inference(inputs, files, *said)


class Work:
    """One request's tensors, and when it passed each stage, in seconds of time.monotonic()."""

    waits = is_over = False
    """In the queue; answered, too late, or wanted by nobody."""
    result: Outputs | Exception | None = None
    """None until it is over."""
    started = finished = 0.0
    delayed = 0.0
    """How long it waited for others although a session was free."""
    batch_size = 0
    """Samples that were computed together, its own included."""
    sizes: Sizes = ()
    """Of its samples, on the axes of its model that vary."""
    padding = 0
    """Elements that were computed behind its own."""

    def __init__(
        self,
        inputs: Mapping[str, np.ndarray],
        done: "Callable[[Work], None]",
        *,
        client: str = "",
        interactive: bool = True,
        deadline: float = math.inf,
    ) -> None:
        """`done` is called once, in the event loop, when there is a result; not if nobody waits for it any more.
        `client`: who has a turn with it."""
        self.inputs, self.done, self.interactive, self.deadline = inputs, done, interactive, deadline
        self.client = client
        self.size = len(next(iter(inputs.values())))
        self.cost = self.size
        """Elements, where samples have unequal sizes."""
        self.queued = time.monotonic()

    def over(self) -> None:
        """It lets go of who is told, which knows it: only the garbage collector would free the two."""
        self.is_over, self.done = True, _nobody


def _nobody(_work: Work) -> None:
    """Is told of a work that is over."""


def check_outputs(wanted: Sequence[Wanted]) -> None:
    """Raises WrongParameter for one that is asked for twice: which of the two is meant?"""
    for name, times in Counter(output.name for output in wanted).most_common(1):
        if times > 1:
            raise WrongParameter(f"the output '{name}' is asked for twice")


def check_count(parameters: int) -> None:
    """Raises WrongParameter for more than are looked at."""
    if parameters > PARAMETERS:
        raise WrongParameter(f"there are {parameters} parameters; {PARAMETERS} are taken")


def check_parameters(given: Mapping[str, Any], known: Collection[str]) -> None:
    """Clients may have parameters of their own. Raises WrongParameter for those that mean more than is done here, and
    those that are almost one of the `known`, and for more than are looked at."""
    check_count(len(given))
    for name, value in given.items():
        if name in known or not value:
            continue
        if begin := next(filter(name.startswith, ELSEWHERE), None):
            raise WrongParameter(f"{name} is {value!r}; {ELSEWHERE[begin]}")
        if near := nearest(name, known, LIKE):
            raise WrongParameter(f"there is no parameter '{name}'; did you mean {near}?")


def read_parameters(given: Mapping[str, Any], into: Inference) -> None:
    """The parameters that mean something here: `timeout` in microseconds, `priority` and the sequence, as Triton has
    them.

    Priority 0 (none) and 1 are interactive, higher numbers are batch; the two words do as well. Raises WrongParameter.
    """
    check_parameters(given, OF_REQUESTS)
    into.parameters, into.sequence = given, read_sequence(given)
    if timeout := given.get("timeout"):
        try:
            into.timeout = int(timeout) / 1e6
        except (TypeError, ValueError, OverflowError):
            into.timeout = 0.0
        if into.timeout <= 0:
            raise WrongParameter(f"timeout is {timeout!r}; give microseconds above 0")
    if priority := given.get("priority"):
        try:
            into.interactive = PRIORITIES[priority] if priority in PRIORITIES else int(priority) <= 1
        except (TypeError, ValueError, OverflowError) as error:
            raise WrongParameter(f"priority is {priority!r}; give interactive, batch or a number") from error
