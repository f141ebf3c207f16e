"""A network's nested outputs become one list of members, each with the way to it as its name."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch

from tests.serving.signatures import Found
from torchferry.serving.export.external.flattened import flattened, name_of


def names(given: Any) -> list[str]:
    return [name_of(path) for path in flattened(given)]


@dataclass
class Heads:
    logits: Any
    boxes: Any = None


class ModelOutput(OrderedDict):
    """As transformers' are: a dict that may also be asked by number, and does not hold what is None."""

    def __getitem__(self, key: Any) -> Any:
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)


def test_containers_in_each_other() -> None:
    assert names(1) == ["output_0"]
    assert names((1, 2)) == names([1, 2]) == ["output_0", "output_1"]
    assert names({"boxes": 1, "aux": {"logits": 2}, "hidden_states": (3, [4, 5])}) == [
        "boxes", "aux.logits", "hidden_states.0", "hidden_states.1.0", "hidden_states.1.1",
    ]  # fmt: skip
    assert names((1, {"a": 2}, (3,))) == ["output_0", "output_1.a", "output_2.0"]
    assert names({0: 1, "b": 2}) == ["output_0", "b"]


def test_fields_have_their_names() -> None:
    assert names(Found(1, {"x": 2})) == ["boxes", "scores.x"]
    assert names(Heads(1, Heads(2))) == ["logits", "boxes.logits", "boxes.boxes"]
    assert names({"best": torch.ones(2, 2).max(1)}) == ["best.values", "best.indices"]
    assert names(ModelOutput(logits=1, hidden_states=(2, 3))) == ["logits", "hidden_states.0", "hidden_states.1"]


def test_none_is_a_member_and_an_empty_container_has_none() -> None:
    assert flattened({"a": None, "b": [], "c": {}}) == {("a",): None}
    assert flattened(None) == {(): None}


def test_keys_that_are_spelled_alike_are_two() -> None:
    given = flattened({0: 1, "0": 2})
    assert list(given.values()) == [1, 2]
    assert [name_of(path) for path in given] == ["output_0", "output_0"]


def test_two_ways_of_one_name_are_both_there() -> None:
    given = flattened({"a": {"b": 1}, "a.b": 2})
    assert list(given.values()) == [1, 2]
    assert [name_of(path) for path in given] == ["a.b", "a.b"]
