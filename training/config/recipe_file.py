"""A recipe's file: its mistakes that show before it is read as a recipe, and the line of each key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml

from torchferry.errors import UserError
from torchferry.training.config.recipe import FORMER_LIMITS, GateConfig, Recipe
from torchferry.training.config.recipe_keys import item_of, meant, section_of
from torchferry.training.config.type_words import in_words

MERGE = "tag:yaml.org,2002:merge"
DEEPEST = 100
"""Levels of mappings and lists; an alias that contains itself has no end."""


class RecipeFile:
    """The lines of a file's keys. Raises UserError, with file and line, for a file that cannot be a recipe."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: dict[str, int] = {}
        """From 1, by key: data.augment[0].name."""
        root = _composed(path)
        if root is None:
            raise UserError(f"{path}: is empty; a recipe has keys such as data, model and optimizer")
        if not isinstance(root, yaml.MappingNode):
            raise UserError(f"{self._at(root)}: a recipe is a mapping of keys, not {_kind(root)}")
        self._section(root, Recipe, "", 0)

    def place_of(self, key: str) -> str | None:
        """File and line of the key, or of what it lies in; None for what the file does not have."""
        while key and key not in self.lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return f"{self.path}:{self.lines[key]}" if key else None

    def _section(self, node: yaml.MappingNode, kind: type, before: str, depth: int) -> None:
        hints = get_type_hints(kind)
        for name, key, value in self._items(node, before):
            name = FORMER_LIMITS.get(name, name) if kind is GateConfig else name
            if name not in hints:
                raise UserError(f"{self._at(key)}: {before}{name}: unknown key; {_hint(before + name, list(hints))}")
            self._value(value, hints[name], before + name, depth)

    def _value(self, node: yaml.Node, hint: Any, key: str, depth: int) -> None:
        section, item = section_of(hint), item_of(hint)
        if section and isinstance(node, yaml.MappingNode):
            self._section(node, section, f"{key}.", depth + 1)
        elif section and not _is_null(node) and not (str in get_args(hint) and isinstance(node, yaml.ScalarNode)):
            raise UserError(f"{self._at(node)}: {key}: {_shown(node)} is not {in_words(section)}")
        elif item and isinstance(node, yaml.SequenceNode):
            for number, part in enumerate(node.value):
                self.lines[f"{key}[{number}]"] = _line(part)
                self._value(part, item, f"{key}[{number}]", depth + 1)
        else:
            self._below(node, key, depth)

    def _below(self, node: yaml.Node, key: str, depth: int) -> None:
        """Arguments of a part: any keys, each once."""
        if depth > DEEPEST:
            first = key.partition("[")[0]
            raise UserError(f"{self._at(node)}: {first}: is nested too deeply, or contains itself")
        if isinstance(node, yaml.MappingNode):
            for name, _, value in self._items(node, f"{key}."):
                self._below(value, f"{key}.{name}", depth + 1)
        elif isinstance(node, yaml.SequenceNode):
            for number, part in enumerate(node.value):
                self.lines[f"{key}[{number}]"] = _line(part)
                self._below(part, f"{key}[{number}]", depth + 1)

    def _items(self, node: yaml.MappingNode, before: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise UserError(f"{self._at(key)}: a key is a word, not {_kind(key)}")
            name = key.value
            if name in seen:
                raise UserError(f"{self._at(key)}: {before}{name}: stands twice, in line {seen[name]} too")
            seen[name] = self.lines[before + name] = _line(key)
            yield name, key, value

    def _at(self, node: yaml.Node) -> str:
        return f"{self.path}:{_line(node)}"


def _composed(path: str) -> yaml.Node | None:
    try:
        return yaml.compose(Path(path).read_bytes(), yaml.SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); --config names a recipe's file") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        problem = f"{error.context}, {error.problem}" if str(error.problem).startswith("but") else error.problem
        problem = problem or "cannot be read as YAML"
        if "'\\t'" in problem or "tab" in problem:
            problem = "a tab; YAML indents with spaces"
        raise UserError(f"{path}{line}: {problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: is no YAML text: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise UserError(f"{path}: is nested too deeply") from error


def _hint(name: str, beside: list[str]) -> str:
    if found := meant(name, beside):
        return f"did you mean {found}?"
    section = name.rpartition(".")[0]
    return f"{section} has {', '.join(beside)}" if section else "torchferry describe lists every key"


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _is_null(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _shown(node: yaml.Node) -> str:
    return f"'{node.value}'" if isinstance(node, yaml.ScalarNode) else _kind(node)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.CollectionNode):
        return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
    return "a word"
