"""Objects are valid for each Kubernetes version; those of other projects by the definitions in ../shared/schemas.

What these definitions say in CEL is not evaluated.
"""

import functools
import json
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError
from kubernetes_validate.utils import all_versions, major_minor

from tests.k8s.rendering import ROOT, Object, each_folder, pods, render
from tests.some import some

SCHEMAS = ROOT.parent / "shared/schemas"
# Earlier ones know no `sleep` before a stop.
VERSIONS = sorted({v for v in map(major_minor, all_versions()) if int(v.split(".")[1]) >= 30})
FOREIGN = {
    *("gateway.networking.k8s.io", "keda.sh", "serving.kserve.io", "monitoring.coreos.com", "trainer.kubeflow.org"),
    *("kubeflow.org", "jobset.x-k8s.io", "kueue.x-k8s.io"),
}
# tests/k8s/test_components.py looks at these.
UNDEFINED = {"HTTPRoute", "GRPCRoute"}


def group(item: Object) -> str:
    return str(item["apiVersion"]).rpartition("/")[0]


def mounts_images(folder: str) -> bool:
    return any("image" in volume for pod in pods(folder) for volume in pod.spec.get("volumes", []))


@each_folder
@pytest.mark.parametrize("version", VERSIONS)
def test_objects_of_kubernetes_are_valid(folder: str, version: str) -> None:
    if version == "1.30" and mounts_images(folder):
        pytest.skip("image volumes came with 1.31")
    checked = [item for item in render(folder) if group(item) not in FOREIGN]
    for item in checked:
        validate_once(json.dumps(item), version)
    assert checked


@functools.cache
def validate_once(item: str, version: str) -> None:
    """As JSON, because most objects stand in most folders."""
    kubernetes_validate.validate(json.loads(item), version, strict=True)


@each_folder
def test_objects_of_other_projects_are_valid(folder: str) -> None:
    items = [item for item in render(folder) if group(item) in FOREIGN]
    if not items:
        pytest.skip("has none")
    if not SCHEMAS.is_dir():
        pytest.skip("their definitions are missing: ../shared/schemas")
    undefined = set()
    for item in items:
        if schema := definitions().get((item["apiVersion"], item["kind"])):
            schema.validate(item)
        else:
            undefined.add(item["kind"])
    assert undefined <= UNDEFINED
    if undefined:
        pytest.skip(f"../shared/schemas has no definition of {', '.join(sorted(undefined))}; the others are valid")


@functools.cache
def definitions() -> dict[tuple[str, str], Draft202012Validator]:
    """A strict schema by apiVersion and kind; test_the_definitions_are_schemas checks them."""
    found = {}
    for path in SCHEMAS.glob("*.yaml"):
        spec = yaml.load(path.read_text(), yaml.CSafeLoader)["spec"]
        for version in spec["versions"]:
            key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[key] = Draft202012Validator(strict(version["schema"]["openAPIV3Schema"]))
    if cluster := found.get(("trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime")):
        found["trainer.kubeflow.org/v1alpha1", "TrainingRuntime"] = cluster  # the same but for its scope
    return found


def strict(schema: Any) -> Any:
    """What is not named is refused, as the API server prunes it with a warning at best."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(part) for key, part in schema.items()}
    if isinstance(pattern := result.get("pattern"), str):
        result["pattern"] = pattern.replace("^(?i)", "(?i)^")  # Python wants flags first
    named = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if named and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["additionalProperties"] = False
    return result


def test_there_are_versions_to_check() -> None:
    assert {"1.30", "1.37"} <= set(VERSIONS)


@pytest.mark.slow
def test_the_definitions_are_schemas() -> None:
    """Checked once, since each takes a second."""
    if not SCHEMAS.is_dir():
        pytest.skip("definitions are missing: ../shared/schemas")
    for validator in some(definitions().values()):
        validator.check_schema(validator.schema)


def test_an_unknown_field_is_refused() -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("definitions are missing: ../shared/schemas")
    scaled = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "one"},
        "spec": {"scaleTargetRef": {"name": "one"}, "triggers": [{"type": "cpu", "metadata": {"value": "50"}}]},
    }
    schema = definitions()["keda.sh/v1alpha1", "ScaledObject"]
    schema.validate(scaled)
    with pytest.raises(ValidationError, match="minReplicas"):
        schema.validate(scaled | {"spec": scaled["spec"] | {"minReplicas": 2}})  # type: ignore[operator]
