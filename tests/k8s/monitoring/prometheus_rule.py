"""The operator's copies of the rules, made from the plain files: `python -m tests.k8s.monitoring.prometheus_rule`."""

from pathlib import Path
from typing import Any

import yaml

from tests.commands import ROOT

PLAIN = sorted((ROOT / "k8s/base/monitoring/rules").glob("*.yaml"))
COMPONENT = ROOT / "k8s/components/prometheus-operator"


class _Dumper(yaml.SafeDumper):
    """Expressions stay as they are written, line by line."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def prometheus_rule(plain: Path) -> str:
    """The text of the PrometheusRule with the groups of a plain file."""
    rule: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": f"torchferry-{plain.stem}",
            "labels": {"app.kubernetes.io/name": "rules", "app.kubernetes.io/component": plain.stem},
        },
        "spec": yaml.safe_load(plain.read_text()),
    }
    text = yaml.dump(rule, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return f"# Made from {plain.relative_to(ROOT)} by python -m tests.k8s.monitoring.prometheus_rule.\n{text}"


if __name__ == "__main__":
    for path in PLAIN:
        (COMPONENT / path.name).write_text(prometheus_rule(path))
