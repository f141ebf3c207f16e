"""The queries of dashboards and alerts, as they are written and as a young Prometheus can answer them."""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.commands import ROOT

MONITORING = ROOT / "k8s/base/monitoring"
RULES = sorted((MONITORING / "rules").glob("*.yaml"))
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
WINDOW = "20s"
SELECTOR = re.compile(r"\b(?:torchferry_|process_|[a-z_]+:)[a-z0-9_:]+(?:\{[^}]*\})?")
"""A metric of ours or one that a rule has recorded, with its labels."""
COMPARISON = re.compile(r"\s(?:==|!=|>=|<=|>|<)\s*[+-]?(?:[0-9.]+|Inf)")


@dataclass(frozen=True)
class Query:
    where: str
    expr: str

    @property
    def selectors(self) -> list[str]:
        """Each has to find something: what stands behind `or` would hide that one of them finds nothing any more."""
        return list(dict.fromkeys(SELECTOR.findall(self.expr)))

    def __str__(self) -> str:
        return self.where


@functools.cache
def dashboard(name: str) -> Any:
    return json.loads((MONITORING / "dashboards" / f"{name}.json").read_text())


def panels(name: str) -> list[Any]:
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


def of_panels() -> Iterator[Query]:
    for path in DASHBOARDS:
        for panel in panels(path.stem):
            for target in panel["targets"]:
                yield Query(f"{path.stem}: {panel['title']} {target['refId']}", soon(chosen(target["expr"])))


def of_variables() -> Iterator[Query]:
    """What fills the lists at the top of a dashboard."""
    for path in DASHBOARDS:
        for variable in dashboard(path.stem)["templating"]["list"]:
            if variable["type"] == "query":
                (found,) = re.findall(r"^label_values\((.*), (\w+)\)$", variable["query"]["query"])
                expr, label = found
                matching = f'{expr[:-1]}, {label}!=""}}' if expr.endswith("}") else f'{expr}{{{label}!=""}}'
                yield Query(f"{path.stem}: ${variable['name']}", chosen(matching))


def rules() -> list[Any]:
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[Any]:
    return [rule for rule in rules() if "alert" in rule]


def of_alerts() -> Iterator[Query]:
    """Without their comparisons: what they compare has to be there while nothing is wrong."""
    for rule in alerts():
        yield Query(rule["alert"], soon(COMPARISON.sub("", rule["expr"])))


def chosen(expr: str) -> str:
    """With every variable at All."""
    expr = expr.replace("$__rate_interval", WINDOW)
    return re.sub(r"\$\w+", ".*", expr)


def soon(text: str) -> str:
    """With every window so short that it is full within seconds of the start."""
    return re.sub(r"\boffset \d+[mhd]\b", "offset 3s", re.sub(r"\[\d+[smhd]\]", f"[{WINDOW}]", text))
