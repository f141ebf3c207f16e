"""The files of an overlay for one run, beside the manifests they change.

`run/` is a component of its own, because it has to change the Job before an operator's component takes it over.
"""

from typing import Any

import yaml

from torchferry import __version__
from torchferry.training.render.folder import MARK
from torchferry.training.render.request import OPERATORS, Request

# For each GPU, as components/gpu has it for one.
CORES, MEMORY_GI, SHARED_GI = 8, 32, 8

Object = dict[str, Any]
# What a patch names moves to the front of its list, and a variable can only use those before it.
JOB_NAME_FIRST: Object = {"name": "JOB_NAME"}
# With a store: of each pod, for the checkpoint it went on from and its part of the next.
LOCAL_RUNS: Object = {"emptyDir": {"sizeLimit": "20Gi"}, "persistentVolumeClaim": None}


def files(request: Request, command: str) -> dict[str, str]:
    return {
        "kustomization.yaml": _header(request, command) + _text(_overlay(request)),
        "run/kustomization.yaml": "# Names and sizes of this run.\n" + _text(_run(request)),
        "run/job.patch.yaml": _text(_job(request)),
        "run/recipe.yaml": request.recipe.read_text(),
    }


def _header(request: Request, command: str) -> str:
    space = f" -n {request.namespace}" if request.namespace else ""
    lines = [
        f"{MARK}, for the run {request.name}:",
        f"  {command}",
        "Apply it as often as you like, with `kubectl apply -k` and this folder; the same run goes on where it stood.",
        f"Watch it: kubectl{space} logs -f -l app.kubernetes.io/instance={request.name}",
        "`kubectl delete -k` and this folder ends the run"
        + (", and removes its claim with the run folder on it." if request.own_claim else "."),
        *(
            [f"Its results: torchferry fetch {request.store.rstrip('/')}/{request.name}"]
            if request.store is not None
            else []
        ),
    ]
    return "".join(f"# {line}\n".replace("# # ", "# ") for line in lines)


def _overlay(request: Request) -> Object:
    before = [name for name in request.all_components if name not in (*OPERATORS, "kueue")]
    after = [name for name in request.all_components if name not in before]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        **({"namespace": request.namespace} if request.namespace else {}),
        "resources": ["base/training"],
        "components": [*(f"components/{name}" for name in before), "run", *(f"components/{name}" for name in after)],
        "images": [{"name": "torchferry-train", **request.image_parts}],
    }


def _run(request: Request) -> Object:
    name = request.name
    labels = {"app.kubernetes.io/instance": name, "app.kubernetes.io/version": __version__}
    ours = {"name": "train", "component": "training", "part-of": "torchferry"}
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "labels": [{"pairs": labels, "includeSelectors": False, "includeTemplates": True}],
        "configMapGenerator": [
            {
                "name": f"{name}-recipe",
                "files": ["recipe.yaml"],
                "options": {
                    # The name is that of the run already; a hash in it would change the Job, which cannot be.
                    "disableNameSuffixHash": True,
                    "immutable": True,
                    "labels": {f"app.kubernetes.io/{key}": value for key, value in ours.items()},
                },
            }
        ],
        "patches": [
            {"path": "job.patch.yaml"},
            _change("Job", ("replace", "/metadata/name", name)),
            _change(
                "Service",
                ("replace", "/metadata/name", name),
                ("add", "/spec/selector/app.kubernetes.io~1instance", name),
            ),
            _claim(request),
        ],
    }


def _claim(request: Request) -> Object:
    if not request.own_claim:
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "runs"}}
        return {"patch": _text({"$patch": "delete", **claim})}
    access = "ReadWriteMany" if request.most > 1 else "ReadWriteOnce"
    return _change(
        "PersistentVolumeClaim",
        ("replace", "/metadata/name", request.name),
        ("replace", "/spec/accessModes", [access]),
        ("replace", "/spec/resources/requests/storage", request.storage),
    )


def _change(kind: str, *operations: tuple[str, str, Any]) -> Object:
    steps = [{"op": operation, "path": path, "value": value} for operation, path, value in operations]
    return {"target": {"kind": kind}, "patch": _text(steps)}


def _job(request: Request) -> Object:
    endpoint = f"$(JOB_NAME)-0.{request.name}"
    spec: Object = {"completions": request.most, "parallelism": request.most}
    if request.elastic:
        spec["maxFailedIndexes"] = request.most - request.fewest
        spec["successPolicy"] = {"rules": [{"succeededCount": request.fewest}]}
    volumes: list[Object] = [
        {"name": "recipe", "configMap": {"name": f"{request.name}-recipe"}},
        {"name": "runs", **_runs(request)},
    ]
    if request.gpus:
        volumes.append({"name": "shm", "emptyDir": {"sizeLimit": f"{SHARED_GI * request.gpus}Gi"}})
    pod = {
        "subdomain": request.name,
        "initContainers": [
            {"name": "rendezvous-name", "env": [JOB_NAME_FIRST, {"name": "RENDEZVOUS_HOST", "value": endpoint}]},
        ],
        "containers": [_container(request, f"{endpoint}:29400")],
        "volumes": volumes,
    }
    spec["template"] = {"spec": pod}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train"}, "spec": spec}


def _runs(request: Request) -> Object:
    if request.store is not None:
        return LOCAL_RUNS
    return {"persistentVolumeClaim": {"claimName": request.name if request.own_claim else request.storage}}


def _container(request: Request, endpoint: str) -> Object:
    arguments = [
        "-m",
        "torchferry.training",
        "--config",
        "/recipe/recipe.yaml",
        "--runs_dir",
        "/runs",
        "--name",
        request.name,
    ]
    if request.store is not None:
        arguments += ["--checkpoint.store", request.store.replace("$(", "$$(")]
    # Kubernetes would put variables in for $(NAME).
    arguments += [f"--{override}".replace("$(", "$$(") for override in request.overrides]
    sizes = f"{request.fewest}:{request.most}" if request.elastic else f"{request.most}"
    variables: list[Object] = [
        JOB_NAME_FIRST,
        {"name": "PET_NNODES", "value": sizes},
        {"name": "PET_RDZV_ENDPOINT", "value": endpoint},
    ]
    container: Object = {
        "name": "train",
        "args": arguments,
        "env": variables,
        "volumeMounts": [{"name": "recipe", "mountPath": "/recipe", "readOnly": True}],
    }
    if request.store is not None:
        # A node's own role needs no Secret.
        container["envFrom"] = [{"secretRef": {"name": "object-store", "optional": True}}]
    if request.gpus:
        amounts: Object = {
            "cpu": f"{CORES * request.gpus}",
            "memory": f"{MEMORY_GI * request.gpus}Gi",
            "nvidia.com/gpu": request.gpus,
        }
        container["resources"] = {"requests": amounts.copy(), "limits": amounts.copy()}
        variables.append({"name": "PET_NPROC_PER_NODE", "value": f"{request.gpus}"})
        # The ranks of a pod share its cores.
        variables.append({"name": "OMP_NUM_THREADS", "value": f"{CORES}", "valueFrom": None})
    return container


class _Dumper(yaml.SafeDumper):
    """Text of several lines as such, and no anchors, which few people can read."""

    def ignore_aliases(self, *_: Any) -> bool:
        return True


def _text(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _lines)
