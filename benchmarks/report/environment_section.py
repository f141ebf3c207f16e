"""The machines and versions that the figures belong to, and the commands that made them."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from torchferry.benchmarks.report.markup import Markup, folded, table, tag
from torchferry.benchmarks.report.section import Section
from torchferry.benchmarks.report.source import Result, Sources, blamed, without_passwords

SECRET = "--he"  # what --header can be shortened to; a token may stand in it


def environment_section(sources: Sources) -> Section:
    content = [*_machines(sources.results)]
    for bundle in sources.bundles:
        with blamed(bundle.root / "model.json"):
            rows = [[name, _words(value)] for name, value in bundle.provenance.items()]
            content.append(table(f"{bundle.root}: exported with", ["", "value"], rows))
    if sources.results:
        lines = joined_lines(sources.results)
        block = tag("pre", lines, tabindex=0, role="region", aria_label="Commands")
        content.append(folded("Commands that measured", block))
    return Section(title="Environment", content=content)


def joined_lines(results: Sequence[Result]) -> str:
    lines = []
    for result in results:
        with blamed(result.path):
            words = _without_secrets([str(word) for word in result.content["command"]])
            lines.append(f"# {result.path}\ntorchferry bench {shlex.join(words)}")
    return "\n".join(lines)


def _machines(results: Sequence[Result]) -> list[Markup]:
    """A table for each, which names its files."""
    files: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for result in results:
        with blamed(result.path):
            files.setdefault(_rows(result.content["machine"]), []).append(str(result.path))
    return [table(f"Measured in {', '.join(names)} on", ["", "value"], rows) for rows, names in files.items()]


def _rows(machine: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    versions: Mapping[str, Any] = machine.get("versions") or {}
    of_machine = [(name, value) for name, value in machine.items() if name != "versions"]
    return tuple((name, _words(value)) for name, value in [*of_machine, *versions.items()])


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "not installed" if value is None else str(value)


def _without_secrets(words: Sequence[str]) -> list[str]:
    """A header's value may be a token, and an address may hold a password: a report is made to be shown."""
    kept, hidden = [], False
    for word in words:
        option, equals, value = word.partition("=")
        if hidden:
            word = _name_only(word)
        elif option.startswith(SECRET) and equals:
            word = f"{option}={_name_only(value)}"
        hidden = not hidden and option.startswith(SECRET) and not equals
        kept.append(without_passwords(word))
    return kept


def _name_only(header: str) -> str:
    return f"{header.partition(':')[0]}: …"
