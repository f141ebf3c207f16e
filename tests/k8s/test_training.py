"""Training in every combination that makes sense: a Job, or what an operator's component makes of it."""

import functools
import itertools
import json
import os
import re
import tempfile
from pathlib import Path

import pytest
import yaml

from tests.k8s.rendering import ROOT, Object, Pod, environment, pods_of, render
from tests.k8s.restricted import violations
from tests.k8s.test_schemas import FOREIGN, SCHEMAS, VERSIONS, definitions, group, validate_once
from tests.some import some

OPERATORS = {"jobset": "JobSet", "pytorchjob": "PyTorchJob", "kubeflow-trainer": "TrainJob"}
SIZES = ("", "gpu", "elastic", "gpu elastic", "gpu rdma")
COMBINATIONS = [
    " ".join(filter(None, names))
    for names in (
        *itertools.product(SIZES, ("", *OPERATORS), ("",)),
        *itertools.product(("gpu",), ("", *OPERATORS), ("kueue",)),
    )
    if not {"elastic", "kubeflow-trainer"} <= set(" ".join(names).split())
]
# What the operators set; a value of ours would be refused, or silently lose.
SET_BY = {
    "pytorchjob": {"PET_NNODES", "PET_RDZV_ENDPOINT", "PET_RDZV_BACKEND", "PET_RDZV_CONF", "PET_MAX_RESTARTS"},
    "kubeflow-trainer": {"PET_NNODES", "PET_NPROC_PER_NODE", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT"},
}
# The runtime of a namespace is described like that of a cluster.
SAME_AS = {"TrainingRuntime": "ClusterTrainingRuntime"}

each = pytest.mark.parametrize("combination", COMBINATIONS)


@functools.cache
def build(combination: str) -> tuple[Object, ...]:
    """The base with these components, in this order."""
    with tempfile.TemporaryDirectory() as place:
        k8s = os.path.relpath(ROOT / "k8s", Path(place).resolve())
        overlay = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"{k8s}/base/namespace", f"{k8s}/base/training"],
            "components": [f"{k8s}/components/{name}" for name in combination.split()],
        }
        (Path(place) / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
        return render(place)


def operator(combination: str) -> str:
    return next((name for name in combination.split() if name in OPERATORS), "")


def of_kind(combination: str, kind: str) -> Object:
    (found,) = [item for item in build(combination) if item["kind"] == kind]
    return found


def workload(combination: str) -> Object:
    return of_kind(combination, OPERATORS.get(operator(combination), "Job"))


def pod_of(combination: str) -> Pod:
    (pod,) = [pod for item in build(combination) for pod in pods_of(item)]
    return pod


def trainer(combination: str) -> Object:
    (container,) = pod_of(combination).spec["containers"]
    return dict(container)


def job_spec(combination: str) -> Object:
    """What the Job says, wherever it stands; a PyTorchJob has none."""
    name = operator(combination)
    if name == "jobset":
        (replicated,) = of_kind(combination, "JobSet")["spec"]["replicatedJobs"]
        return dict(replicated["template"]["spec"])
    if name == "kubeflow-trainer":
        (replicated,) = of_kind(combination, "TrainingRuntime")["spec"]["template"]["spec"]["replicatedJobs"]
        return dict(replicated["template"]["spec"])
    return dict(of_kind(combination, "Job")["spec"])


WITH_JOBS = [combination for combination in COMBINATIONS if operator(combination) != "pytorchjob"]
each_with_jobs = pytest.mark.parametrize("combination", WITH_JOBS)


@each
def test_all_is_valid(combination: str) -> None:
    for item in some(build(combination)):
        check(json.dumps(item))


@functools.cache
def check(text: str) -> None:
    """Raises what the validators raise; many objects are the same in many combinations."""
    item = json.loads(text)
    if group(item) not in FOREIGN:
        for version in VERSIONS:
            validate_once(text, version)
    elif SCHEMAS.is_dir():
        kind = SAME_AS.get(item["kind"], item["kind"])
        definitions()[item["apiVersion"], kind].validate(item | {"kind": kind})


def test_definitions_of_the_operators_are_there() -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("definitions are missing: ../shared/schemas")
    assert {"JobSet", "PyTorchJob", "TrainJob", "ClusterTrainingRuntime"} <= {kind for _, kind in definitions()}


@each
def test_one_thing_runs(combination: str) -> None:
    running = [item["kind"] for item in build(combination) if item["kind"] in {"Job", *OPERATORS.values()}]
    assert running == [OPERATORS.get(operator(combination), "Job")]


@each
def test_only_rdma_leaves_the_restricted_standard_and_no_further_than_it_must(combination: str) -> None:
    pod = pod_of(combination)
    space = of_kind(combination, "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    if "rdma" not in combination.split():
        assert (violations(pod.spec), space) == ([], "restricted")
        assert (pod.spec["securityContext"]["runAsUser"], pod.spec["securityContext"]["runAsNonRoot"]) == (1000, True)
        return
    name, own = trainer(combination)["name"], pod.spec.get("initContainers", [])
    unlike = {"pod: runs as root", f"{name}: capabilities", f"{name}: may run as root"}
    assert set(violations(pod.spec)) == unlike | {f"{init['name']}: may run as root" for init in own}
    assert trainer(combination)["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["IPC_LOCK"]}
    assert space == "privileged"


@each
def test_containers_cannot_write_their_image(combination: str) -> None:
    assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in pod_of(combination).containers)


@each
def test_there_are_as_many_pods_as_torchrun_waits_for(combination: str) -> None:
    fewest = 1 if "elastic" in combination else 2
    spec = workload(combination)["spec"]
    match operator(combination):
        case "pytorchjob":
            sizes = spec["elasticPolicy"]["minReplicas"], spec["elasticPolicy"]["maxReplicas"]
            assert (*sizes, spec["pytorchReplicaSpecs"]["Worker"]["replicas"]) == (fewest, 2, 2)
            assert spec["pytorchReplicaSpecs"].keys() == {"Worker"}
        case "kubeflow-trainer":
            assert spec["trainer"]["numNodes"] == 2
            assert not {"completions", "parallelism"} & job_spec(combination).keys()
        case _:
            job = job_spec(combination)
            assert (job["completions"], job["parallelism"]) == (2, 2)
            nodes = environment(trainer(combination))["PET_NNODES"]
            assert nodes == ("2" if fewest == 2 else f"{fewest}:2")
            assert job["maxFailedIndexes"] == 2 - fewest
            succeeded = [rule["succeededCount"] for rule in job.get("successPolicy", {}).get("rules", [])]
            assert succeeded == ([fewest] if fewest < 2 else [])


@each
def test_each_rank_has_a_gpu_of_its_own_or_none(combination: str) -> None:
    if operator(combination) == "kubeflow-trainer":
        ranks = workload(combination)["spec"]["trainer"]["numProcPerNode"]
    else:
        ranks = int(environment(trainer(combination))["PET_NPROC_PER_NODE"])
    amounts = trainer(combination)["resources"]
    assert amounts["requests"] == amounts["limits"]
    assert amounts["limits"].get("nvidia.com/gpu", 0) == (ranks if "gpu" in combination.split() else 0)
    assert ranks == 1
    tolerated = {each["key"] for each in pod_of(combination).spec.get("tolerations", [])}
    assert tolerated == ({"nvidia.com/gpu"} if "gpu" in combination.split() else set())


@each
def test_what_an_operator_sets_is_left_to_it(combination: str) -> None:
    assert not SET_BY.get(operator(combination), set()) & environment(trainer(combination)).keys()


@each
def test_variables_stand_after_those_they_use(combination: str) -> None:
    for container in some(pod_of(combination).containers):
        known: set[str] = set()
        for entry in container.get("env", []):
            assert set(re.findall(r"\$\((\w+)\)", entry.get("value", ""))) <= known, entry["name"]
            known.add(entry["name"])
        words = " ".join([*container.get("command", []), *container.get("args", [])])
        assert set(re.findall(r"\$\((\w+)\)", words)) <= known


@each
def test_pods_find_the_one_that_hosts_the_rendezvous(combination: str) -> None:
    pod, service = pod_of(combination), of_kind(combination, "Service")
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
    assert pod.labels.items() >= service["spec"]["selector"].items()
    if operator(combination) in SET_BY:
        assert "subdomain" not in pod.spec
        assert pod.spec["initContainers"] == []
        return
    assert pod.spec["subdomain"] == service["metadata"]["name"]
    host = f"$(JOB_NAME)-0.{pod.spec['subdomain']}"
    (init,) = pod.spec["initContainers"]
    assert environment(init)["RENDEZVOUS_HOST"] == host
    assert 'getent hosts "$RENDEZVOUS_HOST"' in init["command"][-1]
    variables = environment(trainer(combination))
    assert (variables["PET_RDZV_BACKEND"], variables["PET_RDZV_ENDPOINT"]) == ("c10d", f"{host}:29400")
    if operator(combination) == "jobset":
        assert workload(combination)["spec"]["network"] == {"enableDNSHostnames": False}


@each
def test_a_host_that_joins_late_is_told_where_the_others_are(combination: str) -> None:
    assert environment(trainer(combination))["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"


@each
def test_a_lost_pod_is_replaced_and_lost_ones_are_counted(combination: str) -> None:
    spec = workload(combination)["spec"]
    match operator(combination):
        case "pytorchjob":
            worker = spec["pytorchReplicaSpecs"]["Worker"]
            assert (worker["restartPolicy"], spec["runPolicy"]["backoffLimit"]) == ("OnFailure", 3)
            assert "restartPolicy" not in worker["template"]["spec"]
            assert spec["elasticPolicy"]["maxRestarts"] == 3
        case "kubeflow-trainer":
            # Its rendezvous takes nobody in later, so all start anew.
            assert environment(trainer(combination))["PET_MAX_RESTARTS"] == "0"
            assert job_spec(combination)["backoffLimitPerIndex"] == 0
            assert (
                of_kind(combination, "TrainingRuntime")["spec"]["template"]["spec"]["failurePolicy"]["maxRestarts"] == 3
            )
        case _:
            assert environment(trainer(combination))["PET_MAX_RESTARTS"] == "3"
            assert job_spec(combination)["backoffLimitPerIndex"] == 3


@each_with_jobs
def test_a_disruption_is_forgiven_and_wrong_input_is_final(combination: str) -> None:
    job = job_spec(combination)
    disrupted, refused = job["podFailurePolicy"]["rules"]
    assert disrupted == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert refused["action"] == "FailJob"
    container = trainer(combination)["name"]
    assert refused["onExitCodes"] == {"containerName": container, "operator": "In", "values": [2]}
    # All that such a policy allows.
    assert (job["podReplacementPolicy"], job["completionMode"]) == ("Failed", "Indexed")
    assert job["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("combination", [each for each in WITH_JOBS if operator(each)])
def test_a_set_of_jobs_starts_anew_unless_the_input_is_wrong(combination: str) -> None:
    kind, path = ("JobSet", ()) if operator(combination) == "jobset" else ("TrainingRuntime", ("template", "spec"))
    policy = functools.reduce(lambda node, key: node[key], path, of_kind(combination, kind)["spec"])["failurePolicy"]
    (rule,) = policy["rules"]
    assert policy["maxRestarts"] > 0
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy"])


def test_the_image_says_by_its_exit_code_that_input_is_wrong() -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (.*)", (ROOT / "docker/train.Dockerfile").read_text(), flags=re.MULTILINE)
    assert "torchferry.training.distributed.launcher" in yaml.safe_load(entry)


@each
def test_there_is_time_to_save_before_a_pod_is_killed(combination: str) -> None:
    saving = int(environment(trainer(combination))["PET_SHUTDOWN_TIMEOUT"])
    assert pod_of(combination).spec["terminationGracePeriodSeconds"] > saving + 10


@each
def test_loaders_have_shared_memory(combination: str) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(combination).spec["volumes"]}
    (mount,) = [mount for mount in trainer(combination)["volumeMounts"] if mount["mountPath"] == "/dev/shm"]
    memory = volumes[mount["name"]]["emptyDir"]
    size = "8Gi" if "gpu" in combination.split() else "1Gi"
    assert memory == {"medium": "Memory", "sizeLimit": size}


@each
def test_run_folders_lie_on_the_claim(combination: str) -> None:
    claim = of_kind(combination, "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    (mount,) = [mount for mount in trainer(combination)["volumeMounts"] if mount["mountPath"] == "/runs"]
    volumes = {volume["name"]: volume for volume in pod_of(combination).spec["volumes"]}
    assert volumes[mount["name"]]["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
    assert trainer(combination)["args"][-4:] == ["--runs_dir", "/runs", "--name", "$(JOB_NAME)"]


@each
def test_only_kueue_queues_and_nothing_suspends_a_run_that_was_let_in(combination: str) -> None:
    queued = {item["kind"] for item in build(combination) if "kueue.x-k8s.io/queue-name" in item["metadata"]["labels"]}
    assert queued == ({workload(combination)["kind"]} if "kueue" in combination.split() else set())
    assert "suspend" not in workload(combination)["spec"]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("late", ["gpu", "elastic", "rdma"])
def test_a_component_that_comes_too_late_is_refused_instead_of_ignored(name: str, late: str) -> None:
    with pytest.raises(AssertionError, match="no matches for Id Job"):
        build(f"{name} {late}")


@pytest.mark.parametrize("name", OPERATORS)
def test_kueue_may_come_before_an_operator(name: str) -> None:
    labels = workload(f"kueue {name}")["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "training"
