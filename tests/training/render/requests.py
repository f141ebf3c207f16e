"""Requests to `render`, without a command line."""

from typing import Any

from tests.commands import RECIPES
from torchferry.training.render.request import Request


class Checked(Request):
    """One whose recipe need not be read once more."""

    def __post_init__(self) -> None: ...


def request(kind: type[Request] = Request, **changes: Any) -> Request:
    given: dict[str, Any] = {
        "name": "mine",
        "recipe": RECIPES / "digits.yaml",
        "overrides": (),
        "fewest": 2,
        "most": 2,
        "gpus": 0,
        "image": "registry/train:1",
        "storage": "20Gi",
        "namespace": None,
        "components": (),
    }
    return kind(**given | changes)
