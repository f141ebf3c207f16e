"""Arguments are read from annotations and docstrings, ours and others'."""

import inspect
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch

from tests.some import some
from torchferry.training.data.arguments import checked
from torchferry.training.discovery.components import KINDS
from torchferry.training.discovery.signature import Argument, arguments_of, in_yaml, summary_of


@checked
def source(root: str, size: int | None = None, mode: Literal["L", "RGB"] = "RGB", plain=3) -> None:  # type: ignore[no-untyped-def]
    """Samples from somewhere.

    A second paragraph, of `root` and
    ``size``.

    Args:
        root: Where they are,
            on the disk.
        size: How large they become.
    """


class WithRest:
    """Takes what torch's layer takes."""

    def __init__(self, first: int, **rest: Any) -> None:
        self.layer = torch.nn.Linear(first, **rest)


def test_a_function_of_ours_says_what_each_argument_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect.unwrap(source), "__module__", "torchferry.training.data.somewhere")
    assert summary_of(source) == "Samples from somewhere.\nA second paragraph, of root and size."
    assert arguments_of(source) == (
        Argument(name="root", type="text", default=None, meaning="Where they are, on the disk."),
        Argument(name="size", type="a whole number or null", default="null", meaning="How large they become."),
        Argument(name="mode", type="L or RGB", default="RGB", meaning=""),
        Argument(name="plain", type="", default="3", meaning=""),
    )


def test_what_others_pass_on_is_found_behind_it() -> None:
    assert {"first", "out_features", "bias"} <= {each.name for each in arguments_of(WithRest)}


def test_what_the_trainer_gives_is_left_out() -> None:
    names = [each.name for each in arguments_of(torch.optim.SGD, 1)]
    assert names[0] == "lr"
    assert "params" not in names


def test_of_torch_a_sentence_has_to_do_and_what_is_deprecated_is_left_out() -> None:
    summary = summary_of(torch.nn.CrossEntropyLoss)
    arguments = {each.name: each for each in arguments_of(torch.nn.CrossEntropyLoss)}
    assert summary.startswith("This criterion computes the cross entropy loss")
    assert arguments["weight"].meaning == "a manual rescaling weight given to each class"
    assert not {"size_average", "reduce"} & arguments.keys()
    assert "\n" not in summary


@pytest.mark.parametrize("nothing", [len, lambda x: x, dict])
def test_what_says_nothing_is_no_error(nothing: Callable[..., Any]) -> None:
    assert isinstance(summary_of(nothing), str)
    arguments_of(nothing)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (0.0, "0"), (1 / 3, "0.3333"), ([], "[]"), ("a", "a"), (64, "64")],
)
def test_a_default_is_as_in_a_recipe(value: object, text: str) -> None:
    assert in_yaml(value) == text


def test_every_argument_of_ours_has_a_meaning() -> None:
    ours = [kind for kind in KINDS if not kind.of_torch]
    for kind in some(ours):
        for name in kind:
            component = kind.components[name]
            if component.__module__.startswith("torchferry."):
                assert [each.name for each in arguments_of(component, kind.given) if not each.meaning] == [], name
                assert summary_of(component), name
