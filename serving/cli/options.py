"""Settings objects as command lines: each field of a dataclass is an option."""

import argparse
import dataclasses
from dataclasses import field
from typing import Any, Self

from torchferry.arguments import finite
from torchferry.errors import UserError


def option(default: Any, text: str, **argument: Any) -> Any:
    """A field with its line in --help; `argument` goes to argparse. The default () is of one that may be repeated."""
    return field(default=default, metadata={"help": text, **argument})


class WrongOption(UserError):
    """An option has a value that is not valid; it may have come from a file."""

    def __init__(self, option: str, says: str) -> None:
        super().__init__(f"--{option.replace('_', '-')}: {says}")
        self.option, self.says = option, says


class OptionSet:
    """The base of a frozen dataclass whose fields are made by `option`."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        for entry in dataclasses.fields(cls):  # type: ignore[arg-type]
            argument = dict(entry.metadata)
            argument["help"] += f" (default {entry.default})" if entry.default not in (None, "", False, ()) else ""
            if entry.default is False:
                argument["action"] = "store_true"
            elif entry.default == ():
                argument["action"] = "append"
            else:
                argument.setdefault("type", finite if isinstance(entry.default, float) else type(entry.default))
            default = [] if entry.default == () else entry.default
            parser.add_argument(f"--{entry.name.replace('_', '-')}", default=default, **argument)

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """What `add_options` asked for. Raises UserError."""
        given = {entry.name: getattr(options, entry.name) for entry in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})

    def check(self, name: str, right: bool, wanted: str) -> None:
        """Raises UserError naming the option unless its value is `right`."""
        if not right:
            raise WrongOption(name, f"{getattr(self, name)} is not valid; {wanted}")
