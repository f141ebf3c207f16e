"""An overlay for one run: what kubectl makes of it, that it stands alone, and what is refused."""

import itertools
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.commands import RECIPES, ROOT, run_command
from tests.k8s.rendering import Object, environment, pods_of
from tests.k8s.rendering import render as build
from tests.k8s.restricted import violations
from tests.k8s.test_training import OPERATORS, check
from tests.some import some
from torchferry.errors import UserError
from torchferry.training.render import overlay
from torchferry.training.render.render_command import _parser, main
from torchferry.training.render.request import CHOICES

FIRST, SECOND = 1_790_000_000.0, 1_790_000_001.0  # seconds since 1970
STAMP = "20260921-141320"


def render(folder: Path, *arguments: object, now: float = FIRST) -> tuple[Object, ...]:
    main([*map(str, arguments), "--recipe", "digits", "-o", str(folder)], clock=lambda: now)
    build.cache_clear()
    return build(str(folder))


def only(items: tuple[Object, ...], kind: str) -> Object:
    (found,) = [item for item in items if item["kind"] == kind]
    return found


def trainer(items: tuple[Object, ...]) -> Object:
    (pod,) = [pod for item in items for pod in pods_of(item)]
    (container,) = pod.spec["containers"]
    return dict(container)


def test_the_command_of_the_readme_writes_what_kubectl_takes(tmp_path: Path) -> None:
    arguments = ("--nodes", 4, "--gpus", 8, "--recipe", "digits", "-o", tmp_path / "run")
    done = run_command("-m", "torchferry", "render", *arguments)
    assert done.returncode == 0, done.stderr
    name = re.fullmatch(r"(digits-\d{8}-\d{6}): 4 pods with 8 GPUs each; kubectl apply -k \S+\n", done.stdout)
    assert name
    items = build(str(tmp_path / "run"))
    assert {item["metadata"]["name"] for item in items} == {name[1], f"{name[1]}-recipe"}
    job = only(items, "Job")
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (4, 4)
    variables, amounts = environment(trainer(items)), trainer(items)["resources"]
    assert (variables["PET_NNODES"], variables["PET_NPROC_PER_NODE"]) == ("4", "8")
    assert amounts["requests"] == amounts["limits"] == {"cpu": "64", "memory": "256Gi", "nvidia.com/gpu": 8}
    assert variables["OMP_NUM_THREADS"] == "8"


@pytest.mark.parametrize("components", ["", *CHOICES, *(f"{name},kueue" for name in OPERATORS), "rdma,jobset,kueue"])
def test_every_combination_is_valid(components: str, tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--gpus", 2, "--components", components)
    for item in items:
        check(json.dumps(item))
    running = next((OPERATORS[name] for name in components.split(",") if name in OPERATORS), "Job")
    assert only(items, running)["metadata"]["name"] == f"digits-{STAMP}"
    queued = [item["kind"] for item in items if "kueue.x-k8s.io/queue-name" in item["metadata"]["labels"]]
    assert queued == ([running] if "kueue" in components else [])
    assert trainer(items)["args"][-2:] == ["--name", f"digits-{STAMP}"]


@pytest.mark.parametrize("operator", ["", *OPERATORS])
def test_variables_stand_after_those_they_use(operator: str, tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--gpus", 2, "--components", operator)
    for pod in some(itertools.chain.from_iterable(map(pods_of, items))):
        for container in pod.containers:
            known: set[str] = set()
            for entry in container["env"]:
                assert set(re.findall(r"\$\((\w+)\)", entry.get("value", ""))) <= known, entry["name"]
                known.add(entry["name"])


def test_one_gpu_is_what_the_component_gives(tmp_path: Path) -> None:
    patch = yaml.safe_load((ROOT / "k8s/components/gpu/training.patch.yaml").read_text())["spec"]["template"]["spec"]
    own = trainer(render(tmp_path / "run", "--gpus", 1))["resources"]
    assert own == patch["containers"][0]["resources"]
    assert patch["volumes"][0]["emptyDir"]["sizeLimit"] == f"{overlay.SHARED_GI}Gi"


def test_it_stands_alone(tmp_path: Path) -> None:
    first = render(tmp_path / "run", "--components", "jobset")
    shutil.copytree(tmp_path / "run", tmp_path / "elsewhere" / "copy")
    shutil.rmtree(tmp_path / "run")
    assert build(str(tmp_path / "elsewhere" / "copy")) == first
    for path in (tmp_path / "elsewhere").rglob("kustomization.yaml"):
        assert ".." not in path.read_text()


def test_the_pods_of_a_run_meet_under_its_own_service(tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--name", "mine")
    (pod,) = pods_of(only(items, "Job"))
    service = only(items, "Service")
    assert service["spec"]["selector"]["app.kubernetes.io/instance"] == "mine"
    assert pod.labels.items() >= service["spec"]["selector"].items()
    assert pod.spec["subdomain"] == service["metadata"]["name"] == "mine"
    assert environment(trainer(items))["PET_RDZV_ENDPOINT"] == "$(JOB_NAME)-0.mine:29400"
    assert environment(pod.spec["initContainers"][0])["RENDEZVOUS_HOST"] == "$(JOB_NAME)-0.mine"


def test_the_recipe_travels_with_it_and_cannot_change_under_it(tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--set", "epochs=3", "--set", 'data.source.args={"size": 28, "split_seed": 1}')
    settings = only(items, "ConfigMap")
    assert settings["data"]["recipe.yaml"] == (RECIPES / "digits.yaml").read_text()
    assert settings["immutable"] is True
    (mount,) = [mount for mount in trainer(items)["volumeMounts"] if mount["name"] == "recipe"]
    (volume,) = [volume for volume in pods_of(only(items, "Job"))[0].spec["volumes"] if volume["name"] == "recipe"]
    assert volume["configMap"]["name"] == settings["metadata"]["name"]
    words = trainer(items)["args"]
    assert words[words.index("--config") + 1] == f"{mount['mountPath']}/recipe.yaml"
    assert words[-2:] == ["--epochs=3", '--data.source.args={"size": 28, "split_seed": 1}']


def test_kubernetes_puts_nothing_into_an_override(tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--set", "data.source.name=$(JOB_NAME)")
    assert trainer(items)["args"][-1] == "--data.source.name=$$(JOB_NAME)"


def test_a_recipe_may_be_a_file(tmp_path: Path) -> None:
    own = tmp_path / "My Net_2.yaml"
    own.write_text((RECIPES / "digits.yaml").read_text() + "max_steps: 5\n")
    main(["--recipe", str(own), "-o", str(tmp_path / "run")], clock=lambda: FIRST)
    items = build(str(tmp_path / "run"))
    assert only(items, "Job")["metadata"]["name"] == f"my-net-{STAMP}"
    assert only(items, "ConfigMap")["data"]["recipe.yaml"] == own.read_text()


def test_nodes_with_a_fewest_may_be_lost(tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--nodes", "2:5")
    spec = only(items, "Job")["spec"]
    assert (spec["completions"], spec["parallelism"], spec["maxFailedIndexes"]) == (5, 5, 3)
    assert spec["successPolicy"] == {"rules": [{"succeededCount": 2}]}
    assert environment(trainer(items))["PET_NNODES"] == "2:5"
    elastic = only(render(tmp_path / "other", "--nodes", "2:5", "--components", "pytorchjob"), "PyTorchJob")["spec"]
    assert (elastic["elasticPolicy"]["minReplicas"], elastic["elasticPolicy"]["maxReplicas"]) == (2, 5)


@pytest.mark.parametrize(("storage", "nodes", "access"), [("100Gi", 2, "ReadWriteMany"), ("1Ti", 1, "ReadWriteOnce")])
def test_a_size_makes_a_claim_of_the_run(storage: str, nodes: int, access: str, tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--storage", storage, "--nodes", nodes, "--name", "mine")
    claim = only(items, "PersistentVolumeClaim")
    assert (claim["metadata"]["name"], claim["spec"]["accessModes"]) == ("mine", [access])
    assert claim["spec"]["resources"]["requests"]["storage"] == storage
    assert "removes its claim" in (tmp_path / "run/kustomization.yaml").read_text()
    assert claim_of(items) == "mine"


def test_a_name_is_a_claim_that_exists_and_stays(tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--storage", "runs")
    assert "PersistentVolumeClaim" not in {item["kind"] for item in items}
    assert "removes its claim" not in (tmp_path / "run/kustomization.yaml").read_text()
    assert claim_of(items) == "runs"


@pytest.mark.parametrize(
    "arguments", ["", "--gpus 2", "--nodes 1:4 --components jobset,kueue", "--components pytorchjob"]
)
def test_a_url_makes_folders_of_the_pods_and_asks_for_no_claim(arguments: str, tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--storage", "s3://bucket/runs", "--name", "mine", *arguments.split())
    for item in items:
        check(json.dumps(item))
    assert "PersistentVolumeClaim" not in {item["kind"] for item in items}
    (pod,) = [pod for item in items for pod in pods_of(item)]
    assert violations(pod.spec) == []
    (volume,) = [volume for volume in pod.spec["volumes"] if volume["name"] == "runs"]
    assert volume == {"name": "runs", "emptyDir": {"sizeLimit": "20Gi"}}
    assert trainer(items)["args"][-4:] == ["--name", "mine", "--checkpoint.store", "s3://bucket/runs"]
    assert trainer(items)["envFrom"] == [{"secretRef": {"name": "object-store", "optional": True}}]
    assert "torchferry fetch s3://bucket/runs/mine\n" in (tmp_path / "run/kustomization.yaml").read_text()


def claim_of(items: tuple[Object, ...]) -> str:
    volumes = {volume["name"]: volume for volume in pods_of(only(items, "Job"))[0].spec["volumes"]}
    return str(volumes["runs"]["persistentVolumeClaim"]["claimName"])


@pytest.mark.parametrize(
    "image", ["registry.example:5000/team/train:1.2", f"train@sha256:{'0a' * 32}", "registry.example/train:5"]
)
@pytest.mark.parametrize("operator", ["", *OPERATORS])
def test_all_containers_run_that_image(image: str, operator: str, tmp_path: Path) -> None:
    items = render(tmp_path / "run", "--image", image, "--components", operator)
    (pod,) = [pod for item in items for pod in pods_of(item)]
    assert {container["image"] for container in pod.containers} == {image}


def test_the_namespace_is_kubectls_unless_given(tmp_path: Path) -> None:
    spaces = {item["metadata"].get("namespace") for item in render(tmp_path / "run")}
    assert spaces == {None}
    items = render(tmp_path / "other", "--namespace", "ml", "--components", "kubeflow-trainer")
    assert {item["metadata"].get("namespace") for item in items} == {"ml"}


def test_rendered_again_it_is_another_run_unless_the_name_says_otherwise(tmp_path: Path) -> None:
    first, second = (only(render(tmp_path / f"{now}", now=now), "Job") for now in (FIRST, SECOND))
    assert first["metadata"]["name"] != second["metadata"]["name"]
    same = [render(tmp_path / f"{now} again", "--name", "mine", now=now) for now in (FIRST, SECOND)]
    assert same[0] == same[1]


def test_a_folder_of_ours_is_replaced_as_a_whole(tmp_path: Path) -> None:
    render(tmp_path / "run", "--components", "jobset")
    render(tmp_path / "run", "--gpus", 1)
    assert {path.name for path in (tmp_path / "run/components").iterdir()} == {"gpu"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_empty_folder_is_taken_and_a_foreign_one_left(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    render(tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/kustomization.yaml").write_text("resources: []\n")
    with pytest.raises(UserError, match="is there already"):
        render(tmp_path / "full")
    assert [path.read_text() for path in (tmp_path / "full").iterdir()] == ["resources: []\n"]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(tmp_path / "run")

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(UserError, match="No space left on device"):
            main(["--recipe", "digits", "-o", str(tmp_path / "run")], clock=lambda: SECOND)
    build.cache_clear()
    assert build(str(tmp_path / "run")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


WRONG = {
    "--nodes 0": "--nodes: 0 makes no run",
    "--nodes 3:2": "--nodes: 3:2 makes no run",
    "--nodes many": "--nodes: 'many' is no number",
    "--gpus -1": "--gpus: -1 is too small",
    "--gpus all": "argument --gpus: invalid int value: 'all'",
    "--recipe nonesuch": "--recipe: nonesuch is neither a file nor one of .*digits",
    "--recipe ../recipes/digits": "is neither a file nor one of",
    "--name Mine": "--name: 'Mine' cannot name a Job",
    "--name 1st": "--name: '1st' cannot name a Job",
    f"--name {'a' * 41}": "give up to 40",
    "--set epochs": "--set: 'epochs' is no KEY=VALUE",
    "--set epochs=none": "epochs",
    "--set epocs=3": "did you mean epochs",
    "--set name=other": "--set: name is decided by --name",
    "--image train": "give a tag or a digest",
    "--image Train:1": "names no image",
    "--image train@sha256:1": "is no digest",
    "--storage s3://": "--storage: s3:// is no place that all pods reach",
    "--storage file:///runs": "--storage: file:///runs is no place that all pods reach",
    "--set checkpoint.store=s3://bucket": "--set: checkpoint.store is decided by --storage",
    "--storage 20GB": "--storage: '20GB' is no claim's name, size or URL",
    "--namespace My_Space": "--namespace: 'My_Space'",
    "--components gpu": "--components: gpu comes with --gpus",
    "--components slurm": "--components: there is no slurm; give any of rdma, jobset",
    "--components jobset,pytorchjob": "jobset and pytorchjob would both make the pods",
    "--nodes 1:2 --components kubeflow-trainer": "kubeflow-trainer knows runs of a fixed size only",
    "--components rdma": "rdma is for NCCL between GPUs",
    "--nonesuch": "--help says more",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_nonsense_is_refused_before_anything_is_written(arguments: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.compile(WRONG[arguments])) as refused:
        main(["--recipe", "digits", *arguments.split(), "-o", str(tmp_path / "run")])
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run_command("-m", "torchferry", "render", "--recipe", "digits", "--nodes", 0, "-o", tmp_path / "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"torchferry: --nodes: 0 makes no run; .*\n", done.stderr)


def test_it_loads_no_torch() -> None:
    code = "import sys, torchferry.training.render.render_command; sys.exit('torch' in sys.modules)"
    assert run_command("-c", code).returncode == 0


def test_the_options_are_these() -> None:
    options = [word for action in _parser()._actions for word in action.option_strings if word.startswith("--")]
    assert options == [
        *("--help", "--nodes", "--gpus", "--recipe", "--set", "--name", "--image", "--storage", "--namespace"),
        *("--components", "--output"),
    ]
