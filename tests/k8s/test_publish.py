"""The commands of the publishing Job, and of the servers' init container, one after the other on this machine."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.commands import run_command
from tests.k8s.processes import expanded, moved
from tests.k8s.rendering import Object, environment, named, of_kind
from tests.k8s.test_components import model_of
from torchferry.serving.bundle import bundle as bundles


def job() -> Object:
    (found,) = of_kind("local-publish", "Job")
    return dict(found["spec"]["template"]["spec"])


def run_container(container: Object, variables: dict[str, str], folders: dict[str, Path]) -> None:
    command = moved(expanded(container["args"], environment(container) | variables), folders)
    done = run_command("-m", "torchferry", *command)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def folders(run: Path, tmp_path: Path) -> dict[str, Path]:
    for name in ("bundle", "store", "runs"):
        (tmp_path / name).mkdir()
    shutil.copytree(run / "model", tmp_path / "runs/digits-1/model")
    card = tmp_path / "runs/digits-1/model/model.yaml"
    # As the training Job calls its run, and so its model.
    content = yaml.safe_load(card.read_text())
    del content["sha256"]  # as a card of before there was one
    card.write_text(yaml.safe_dump(content | {"name": "digits-1"}))
    return {f"/{name}": tmp_path / name for name in ("bundle", "store", "runs")}


def test_a_run_becomes_the_model_that_the_servers_pull(folders: dict[str, Path]) -> None:
    store = {"STORE": f"file://{folders['/store']}"}
    (export,) = job()["initContainers"]
    (publish,) = job()["containers"]
    run_container(export, {"VARIANTS": "torch,onnx-fp32"}, folders)
    run_container(publish, store, folders)
    for name in ("torchserve", "onnx-server"):
        wanted = model_of("local", named("local", "Deployment", name))
        pulled = folders["/bundle"] / name
        done = run_command("-m", "torchferry", "pull", f"{store['STORE']}/{wanted}", pulled)
        assert done.returncode == 0, done.stderr
        found = bundles.load(pulled)
        assert (found.name, found.version) == ("digits", "1.0")


def test_the_job_publishes_the_run_of_the_local_overlay() -> None:
    (export,) = job()["initContainers"]
    variables = environment(export)
    assert variables["RUN"] == named("local", "Job", "digits-1")["metadata"]["name"]
    (published,) = of_kind("local-publish", "Job")
    # A name of its own for every version, because a Job cannot be changed.
    assert published["metadata"]["name"] == f"publish-{variables['NAME']}-{variables['VERSION']}"
