"""Binds each --input to an argument of a network's forward: by its name, or by position where none has one."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from torch import nn

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.serving.export.external.forward_signature import forward_signature
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.nested_inputs import Place, filled, nested
from torchferry.serving.export.external.tensor_names import NAME

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Binding:
    names: tuple[str, ...]
    """What the inputs are called, in their order."""
    arguments: tuple[Any, ...]
    """Of forward, with a `Place` for each tensor."""
    keywords: Mapping[str, Any]
    """Those that go by name, likewise."""
    said: tuple[str, ...] = ()
    """What had to be assumed, a line each."""

    def filled(self, tensors: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call with these tensors, one for each input."""
        keywords = {name: filled(value, tensors) for name, value in self.keywords.items()}
        return tuple(filled(value, tensors) for value in self.arguments), keywords


def bind(network: nn.Module, inputs: Sequence[GivenInput]) -> Binding:
    """Raises UserError for inputs that forward does not have or that it lacks, and for two of one name."""
    signature = forward_signature(network)
    if not any(each.named for each in inputs):
        return _by_position(signature, inputs)
    if nameless := [each.text for each in inputs if not each.named]:
        raise UserError(f"--input: '{nameless[0]}' has no name and others have; give all of them names of forward, "
                        f"which takes {_words(signature)}, or none")  # fmt: skip
    return _by_name(signature, inputs)


def _by_position(signature: inspect.Signature, inputs: Sequence[GivenInput]) -> Binding:
    """A lone input keeps the name of its kind; several have those of forward, as far as it has any for them."""
    slots = [parameter for parameter in signature.parameters.values() if parameter.kind in POSITIONAL]
    rest = _of_kind(signature, Parameter.VAR_POSITIONAL)
    if len(inputs) > len(slots) and rest is None:
        raise UserError(f"--input: {len(inputs)} are given, but forward takes {_words(signature)}")
    places = [Place(number) for number in range(len(inputs))]
    given: dict[str, Any] = {slot.name: place for slot, place in zip(slots, places, strict=False)}
    _check_required(signature, given)
    if rest is not None:
        given[rest] = tuple(places[len(slots) :])
    if len(inputs) == 1:
        return _binding(signature, [inputs[0].name], given)
    own = [slot.name for slot in slots[: len(inputs)]]
    names = [each.name for each in inputs]
    if all(map(NAME.fullmatch, own)):
        names[: len(own)] = own
    _check_once(names)
    return _binding(signature, names, given, [f"--input: by position, in the order of forward: {', '.join(names)}"])


def _by_name(signature: inspect.Signature, inputs: Sequence[GivenInput]) -> Binding:
    names = [each.name for each in inputs]
    _check_once(names)
    arguments = nested(names)
    own = [parameter.name for parameter in signature.parameters.values() if parameter.kind not in VARIADIC]
    given = {name: value for name, value in arguments.items() if name in own}
    others = {name: value for name, value in arguments.items() if name not in own}
    said = []
    if others:
        given |= _variadic(signature, others, own)
        said = [_where(signature, others, [name for name in own if name not in given])]
    _check_required(signature, given)
    return _binding(signature, names, given, said)


def _variadic(signature: inspect.Signature, others: Mapping[str, Any], own: Sequence[str]) -> dict[str, Any]:
    """Where names go that forward does not have: into its **keywords, or else in their order into its *arguments."""
    keywords, arguments = (_of_kind(signature, kind) for kind in reversed(VARIADIC))
    if keywords is not None and "self" not in others:
        return {keywords: others}
    if arguments is not None and keywords is None:
        return {arguments: tuple(others.values())}
    unknown = next(iter(others)) if keywords is None else "self"
    takes = f"it takes {_words(signature)}"
    if len(own) == 1 and len(others) > 1:
        takes += f"; if that is a dict, say {own[0]}.{unknown}=..."
    raise UserError(f"--input: forward has no argument '{unknown}'{did_you_mean(unknown, own, takes)}")


def _where(signature: inspect.Signature, others: Mapping[str, Any], free: Sequence[str]) -> str:
    if (keywords := _of_kind(signature, Parameter.VAR_KEYWORD)) is None:
        arguments = _of_kind(signature, Parameter.VAR_POSITIONAL)
        return f"--input: {', '.join(others)} are no names of forward and go into its *{arguments} in this order"
    hints = (did_you_mean(name, free) for name in others)
    return f"--input: {', '.join(others)} are no names of forward and go into its **{keywords}{''.join(hints)}"


def _binding(
    signature: inspect.Signature, names: Sequence[str], given: dict[str, Any], said: Sequence[str] = ()
) -> Binding:
    rest = _of_kind(signature, Parameter.VAR_POSITIONAL)
    # What comes before an argument that has no name in a call cannot be left out of it.
    nameless = POSITIONAL if given.get(rest or "") else POSITIONAL[:1]
    for parameter in signature.parameters.values():
        if parameter.kind in nameless:
            given.setdefault(parameter.name, parameter.default)
    bound = inspect.BoundArguments(signature, given)
    return Binding(tuple(names), bound.args, bound.kwargs, tuple(said))


def _check_required(signature: inspect.Signature, given: Mapping[str, Any]) -> None:
    for parameter in signature.parameters.values():
        if parameter.name not in given and parameter.default is Parameter.empty and parameter.kind not in VARIADIC:
            raise UserError(f"--input: forward needs '{parameter.name}', which no --input gives; "
                            f"it takes {_words(signature)}")  # fmt: skip


def _check_once(names: Sequence[str]) -> None:
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise UserError(f"--input: '{twice[0]}' is given twice; each argument of forward has one")


def _of_kind(signature: inspect.Signature, kind: Any) -> str | None:
    return next((each.name for each in signature.parameters.values() if each.kind is kind), None)


def _words(signature: inspect.Signature) -> str:
    """Its arguments, with brackets around those that may be left out."""
    stars = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
    words = []
    for each in signature.parameters.values():
        optional = each.default is not Parameter.empty
        words.append(f"[{each.name}]" if optional else stars.get(each.kind, "") + each.name)  # type: ignore[call-overload]
    return some(words, 8) or "nothing"
