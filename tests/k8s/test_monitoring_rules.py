"""The rules: valid, each alert tested, explained and reachable; the operator's copies say the same."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands import ROOT
from tests.k8s.monitoring.prometheus_rule import COMPONENT, prometheus_rule
from tests.k8s.monitoring.queries import MONITORING, RULES, alerts, of_alerts
from tests.some import some

UNIT_TESTS = sorted((ROOT / "tests/k8s/monitoring").glob("*.test.yaml"))
WANTED = {
    "TorchferryHighErrorRatio",
    "TorchferryLatencyBudgetBurnsFast",
    "TorchferryLatencyBudgetBurnsSlowly",
    "TorchferryQueueGrowing",
    "TorchferryNoReadyWorkers",
    "TorchferryModelBroken",
    "TorchferryPredictionDrift",
    "TorchferryTrainingStalled",
    "TorchferryStragglerRank",
    "TorchferryNonFiniteLoss",
    "TorchferryCheckpointTooOld",
}
each_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])


def promtool(*arguments: object) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing; Debian's package prometheus brings it")
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_an_alert_for_each_way_to_fail() -> None:
    assert {alert["alert"] for alert in alerts()} == WANTED


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_prometheus_takes_them(path: Path) -> None:
    promtool("check", "rules", path)


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_they_fire_when_they_should_and_only_then(path: Path) -> None:
    promtool("test", "rules", path)


@each_alert
def test_its_unit_test_sees_it_fire_and_be_silent(alert: Mapping[str, Any]) -> None:
    groups = [group for path in UNIT_TESTS for group in yaml.safe_load(path.read_text())["tests"]]
    tested = [test for group in groups for test in group["alert_rule_test"] if test["alertname"] == alert["alert"]]
    assert any(test["exp_alerts"] for test in tested)
    # Silent at another time, or beside it for another model or run.
    quiet = any(not test["exp_alerts"] for test in tested)
    series = max(len(group["input_series"]) for group in groups if alert["alert"] in str(group))
    assert quiet or series > max(len(test["exp_alerts"]) for test in tested)


@each_alert
def test_it_says_what_happened_and_where_to_read_on(alert: Mapping[str, Any]) -> None:
    assert alert["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    text = (ROOT / page).read_text()
    paragraphs = {title.lower(): body for title, body in re.findall(r"^## (\w+)\n(.+?)(?=\n## |\Z)", text, re.M | re.S)}
    assert anchor == alert["alert"].lower()
    assert len(paragraphs[anchor].split()) > 40


def test_the_runbook_has_no_alert_that_is_gone() -> None:
    titles = re.findall(r"^## (\w+)$", (MONITORING / "RUNBOOK.md").read_text(), re.M)
    assert titles == [alert["alert"] for alert in alerts()]


def test_an_alerts_query_holds_no_comparison_in_the_tests() -> None:
    for query in some(of_alerts()):
        assert not re.search(r"[<>]|==", query.expr), query


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_the_operators_copy_is_the_same(path: Path) -> None:
    copy = (COMPONENT / path.name).read_text()
    assert yaml.safe_load(copy)["spec"] == yaml.safe_load(path.read_text())
    assert copy == prometheus_rule(path), "python -m tests.k8s.monitoring.prometheus_rule writes it anew"


def test_compose_and_cluster_get_every_file() -> None:
    listed = yaml.safe_load((MONITORING / "kustomization.yaml").read_text())["configMapGenerator"][0]["files"]
    assert listed == [f"rules/{path.name}" for path in RULES]
    assert {path.name for path in (MONITORING / "rules").iterdir()} == {path.name for path in RULES}
    resources = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in RULES} <= set(resources)
