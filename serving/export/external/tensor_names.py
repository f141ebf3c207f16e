"""Names of tensors that the Open Inference Protocol, Triton and ONNX all take, and what is done to others."""

import re
from collections.abc import Sequence

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
RULE = "a name is ASCII letters, digits, '_', '-' and '.', of which a letter or '_' is the first"


def legal_names(names: Sequence[str], inputs: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Names for outputs that a network calls `names`: legal, each once, none of them an input's; and a line for each
    that had to be changed. In an ONNX graph an input and an output cannot have one name."""
    stay = {name for name in names if NAME.fullmatch(name)} - set(inputs)
    taken = {*inputs, *stay}
    legal: list[str] = []
    said = []
    for name in names:
        if name in stay:  # the first of that name
            stay.remove(name)
            legal.append(name)
            continue
        legal.append(_free(f"{name}_output" if name in inputs else _spelled(name), taken))
        taken.add(legal[-1])
        said.append(f"--model: its output {name!r} is called {legal[-1]}, as {_reason(name, inputs)}")
    return legal, said


def _spelled(name: str) -> str:
    """With '_' for what no name may have."""
    spelled = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return spelled if NAME.fullmatch(spelled) else f"output_{spelled}".rstrip("_")


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}_{number}" for number in range(1, len(taken) + 2))
    return next(free for free in (name, *numbered) if free not in taken)


def _reason(name: str, inputs: Sequence[str]) -> str:
    if name in inputs:
        return "an input has that name"
    return "another output has that name" if NAME.fullmatch(name) else RULE
