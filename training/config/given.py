"""Finds the place of a key: a file and its line, an environment variable, or the command line."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from torchferry.errors import UserError
from torchferry.nearest import nearest
from torchferry.training.config.recipe_file import RecipeFile
from torchferry.training.config.recipe_keys import recipe_keys

PREFIX = "TORCHFERRY_"
KEY = re.compile(r"([a-z_]+(?:\.\w+|\[\d+\])*)(?:, [a-z_.]+)*: ")


class Given:
    """Reads the files. Raises UserError for one that cannot be a recipe."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
        self.options = [word.removeprefix("--").partition("=")[0] for word in arguments if word.startswith("--")]
        self.variables = {name for name in environ if name.startswith(PREFIX)}
        named = [environ[f"{PREFIX}CONFIG"]] if f"{PREFIX}CONFIG" in environ else []
        self.files = [RecipeFile(path) for path in (*named, *_files(arguments))]

    def placed(self, message: str) -> str:
        """The message, which begins with a key, with the place of the key before it unless the command line gives it.

        One that begins with something else stays as it is.
        """
        found = KEY.match(message)
        place = (
            self._place_of(found[1]) if found and found[1].partition(".")[0].partition("[")[0] in recipe_keys() else ""
        )
        return f"{place}: {message}" if place else message

    def _place_of(self, key: str) -> str | None:
        if any(_overlap(key, option) for option in self.options):
            return None
        for part in _within(key):
            if (variable := variable_of(part)) in self.variables:
                return variable
        places = (file.place_of(key) for file in reversed(self.files))
        return next((place for place in places if place), None)


def refuse_unknown_variables(keys: Iterable[str], environ: Mapping[str, str] = os.environ) -> None:
    """Raises UserError for a variable that is meant for a key and names none; `keys` are those that variables set."""
    known = {variable_of(key).removeprefix(PREFIX) for key in keys}
    for name in sorted(word.removeprefix(PREFIX) for word in environ if word.startswith(PREFIX)):
        in_a_section = "__" in name and name.partition("__")[0] in known
        # A variable without a section may be another part's of ours, unless it is nearly a key.
        found = nearest(name, known, least=0.6 if in_a_section else 0.8)
        if name not in known and (in_a_section or found):
            hint = f"did you mean {PREFIX}{found}?" if found else "torchferry train --help lists every key"
            raise UserError(f"{PREFIX}{name}: unknown key; {hint}")


def variable_of(key: str) -> str:
    return PREFIX + key.replace(".", "__").upper()


def _files(arguments: Sequence[str]) -> list[str]:
    found = []
    for place, word in enumerate(arguments):
        if word == "--config" and place + 1 < len(arguments):
            found.append(arguments[place + 1])
        elif word.startswith("--config="):
            found.append(word.removeprefix("--config="))
    return found


def _within(key: str) -> list[str]:
    """The key and all that it lies in: a.b.c, a.b, a."""
    parts = re.split(r"\.", re.sub(r"\[\d+\]", "", key))
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _overlap(key: str, option: str) -> bool:
    """Whether one lies in the other, or they are the same."""
    bare = re.sub(r"\[\d+\]", "", key)
    return f"{bare}.".startswith(f"{option}.") or f"{option}.".startswith(f"{bare}.")
