"""The files of an overlay: what each says of the run that was asked for."""

from typing import Any

import pytest
import yaml

from tests.commands import RECIPES
from tests.training.render.requests import Checked, request
from torchferry.training.render.folder import MARK
from torchferry.training.render.overlay import files


def written(name: str, **changes: Any) -> Any:
    return yaml.safe_load(files(request(Checked, **changes), "render it")[name])


def job(**changes: Any) -> Any:
    return written("run/job.patch.yaml", **changes)["spec"]


def container(**changes: Any) -> Any:
    (found,) = job(**changes)["template"]["spec"]["containers"]
    return found


def variables(**changes: Any) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(**changes)["env"] if "value" in entry}


def test_the_head_says_how_it_was_made_and_what_to_do_with_it() -> None:
    head = files(request(Checked, namespace="ml"), "torchferry render -o run")["kustomization.yaml"]
    lines = [line for line in head.splitlines() if line.startswith("#")]
    assert lines[:2] == [f"{MARK}, for the run mine:", "#   torchferry render -o run"]
    assert "# Watch it: kubectl -n ml logs -f -l app.kubernetes.io/instance=mine" in lines
    assert "and removes its claim with the run folder on it." in lines[-1]
    stays = files(request(Checked, storage="runs"), "render it")["kustomization.yaml"]
    assert "ends the run.\n" in stays
    assert "kubectl logs" in stays
    fetched = files(request(Checked, storage="s3://bucket/runs/"), "render it")["kustomization.yaml"]
    assert "# Its results: torchferry fetch s3://bucket/runs/mine\n" in fetched


@pytest.mark.parametrize(
    ("changes", "components"),
    [
        ({}, ["run"]),
        ({"gpus": 2, "fewest": 1}, ["components/gpu", "components/elastic", "run"]),
        ({"gpus": 2, "components": ("kueue", "rdma", "jobset")},
         ["components/gpu", "components/rdma", "run", "components/jobset", "components/kueue"]),
    ],
)  # fmt: skip
def test_an_operator_takes_the_job_over_after_the_run_has_changed_it(
    changes: dict[str, Any], components: list[str]
) -> None:
    assert written("kustomization.yaml", **changes)["components"] == components


def test_the_overlay_names_image_and_namespace() -> None:
    overlay = written("kustomization.yaml")
    assert overlay["images"] == [{"name": "torchferry-train", "newName": "registry/train", "newTag": "1"}]
    assert "namespace" not in overlay
    assert written("kustomization.yaml", namespace="ml")["namespace"] == "ml"


def test_the_job_has_as_many_pods_as_asked_for_and_may_lose_those_above_the_fewest() -> None:
    fixed = job(fewest=3, most=3)
    assert (fixed["completions"], fixed["parallelism"], variables(fewest=3, most=3)["PET_NNODES"]) == (3, 3, "3")
    assert not fixed.keys() & {"maxFailedIndexes", "successPolicy"}
    elastic = job(fewest=2, most=5)
    assert (elastic["completions"], elastic["maxFailedIndexes"]) == (5, 3)
    assert elastic["successPolicy"] == {"rules": [{"succeededCount": 2}]}
    assert variables(fewest=2, most=5)["PET_NNODES"] == "2:5"


def test_gpus_bring_cores_memory_and_ranks_in_proportion() -> None:
    amounts = {"cpu": "24", "memory": "96Gi", "nvidia.com/gpu": 3}
    assert container(gpus=3)["resources"] == {"requests": amounts, "limits": amounts}
    assert variables(gpus=3).items() >= {("PET_NPROC_PER_NODE", "3"), ("OMP_NUM_THREADS", "8")}
    volumes = {volume["name"]: volume for volume in job(gpus=3)["template"]["spec"]["volumes"]}
    assert volumes["shm"] == {"name": "shm", "emptyDir": {"sizeLimit": "24Gi"}}
    assert "resources" not in container()
    assert "PET_NPROC_PER_NODE" not in variables()


def test_the_arguments_are_the_run_its_store_and_the_overrides_as_they_were_given() -> None:
    first = ["-m", "torchferry.training", "--config", "/recipe/recipe.yaml", "--runs_dir", "/runs", "--name", "mine"]
    assert container()["args"] == first
    given = container(storage="s3://b/$(X)", overrides=("epochs=3", "data.source.name=$(Y)"))
    store = ["--checkpoint.store", "s3://b/$$(X)"]
    assert given["args"] == [*first, *store, "--epochs=3", "--data.source.name=$$(Y)"]
    assert given["envFrom"] == [{"secretRef": {"name": "object-store", "optional": True}}]


@pytest.mark.parametrize(
    ("storage", "volume"),
    [
        ("20Gi", {"persistentVolumeClaim": {"claimName": "mine"}}),
        ("shared", {"persistentVolumeClaim": {"claimName": "shared"}}),
        ("s3://b/runs", {"emptyDir": {"sizeLimit": "20Gi"}, "persistentVolumeClaim": None}),
    ],
)
def test_runs_lie_on_the_claim_or_where_a_store_keeps_them_in_the_pod(storage: str, volume: dict[str, Any]) -> None:
    volumes = job(storage=storage)["template"]["spec"]["volumes"]
    assert [found for found in volumes if found["name"] == "runs"] == [{"name": "runs"} | volume]


def test_a_claim_of_the_runs_own_is_of_its_size_and_another_is_left_out() -> None:
    own, other = (written("run/kustomization.yaml", storage=storage)["patches"][-1] for storage in ("5Gi", "shared"))
    assert own["target"] == {"kind": "PersistentVolumeClaim"}
    changes = {change["path"]: change["value"] for change in yaml.safe_load(own["patch"])}
    assert changes == {
        "/metadata/name": "mine",
        "/spec/accessModes": ["ReadWriteMany"],
        "/spec/resources/requests/storage": "5Gi",
    }
    assert yaml.safe_load(other["patch"])["$patch"] == "delete"
    alone = written("run/kustomization.yaml", fewest=1, most=1)["patches"][-1]
    assert "ReadWriteOnce" in alone["patch"]


def test_the_recipe_travels_as_it_is_and_no_anchor_is_written() -> None:
    found = files(request(Checked, gpus=1), "render it")
    assert found["run/recipe.yaml"] == (RECIPES / "digits.yaml").read_text()
    (settings,) = yaml.safe_load(found["run/kustomization.yaml"])["configMapGenerator"]
    assert (settings["name"], settings["files"]) == ("mine-recipe", ["recipe.yaml"])
    assert settings["options"]["immutable"] is True
    assert not [line for line in found["run/job.patch.yaml"].splitlines() if " &" in line or " *" in line]
