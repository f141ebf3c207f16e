"""The dashboards as Grafana reads them; what their queries find is test_monitoring's business."""

import itertools
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.k8s.monitoring.queries import DASHBOARDS, MONITORING, dashboard, panels
from tests.some import some

each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
BUILT_IN = {"__rate_interval", "__all"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def test_there_are_three() -> None:
    assert [path.stem for path in DASHBOARDS] == ["overview", "serving", "training"]


@each_dashboard
def test_panels_have_a_title_a_unit_a_source_and_a_query(path: Path) -> None:
    for panel in some(panels(path.stem)):
        assert panel["title"]
        assert panel["datasource"] == SOURCE
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"] == SOURCE
            assert target["expr"].strip()
    titles = [panel["title"] for panel in some(panels(path.stem))]
    assert len(titles) > 10


@each_dashboard
def test_nothing_is_there_twice(path: Path) -> None:
    ids = [panel["id"] for panel in dashboard(path.stem)["panels"]]
    assert len(ids) == len(set(ids))
    for panel in some(panels(path.stem)):
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names))
    uids = [dashboard(other.stem)["uid"] for other in DASHBOARDS]
    assert len(uids) == len(set(uids))


@each_dashboard
def test_panels_fill_the_grid_without_covering_each_other(path: Path) -> None:
    places = [panel["gridPos"] for panel in dashboard(path.stem)["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@each_dashboard
def test_variables_are_declared_and_used(path: Path) -> None:
    variables = dashboard(path.stem)["templating"]["list"]
    text = json.dumps([dashboard(path.stem)["panels"], variables])
    used = set(re.findall(r"\$\{?(\w+)", text)) - BUILT_IN
    assert used == {variable["name"] for variable in variables}
    for variable in variables:
        if variable["type"] == "query":
            assert variable["allValue"] == ".*"  # finds what has no such label, as under docker/compose.yaml


@each_dashboard
def test_every_panel_goes_by_the_variables(path: Path) -> None:
    for panel in some(panels(path.stem)):
        for target in panel["targets"]:
            assert '$namespace"' in target["expr"], panel["title"]


def test_the_config_map_has_them_all_and_grafanas_label() -> None:
    (made,) = yaml.safe_load((MONITORING / "dashboards/kustomization.yaml").read_text())["configMapGenerator"]
    assert made["files"] == [path.name for path in DASHBOARDS]
    assert made["options"] == {"disableNameSuffixHash": True, "labels": {"grafana_dashboard": "1"}}
