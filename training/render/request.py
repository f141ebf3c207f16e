"""The options of a run on a cluster, checked before anything is written."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError
from torchferry.training.config.cli import parse
from torchferry.training.config.recipe import STORE_URL

RECIPES = Path(__file__).parents[1] / "recipes"
OPERATORS = ("jobset", "kubeflow-trainer", "pytorchjob")
CHOICES = ("rdma", *OPERATORS, "kueue")  # in the order in which they have to be applied
MOST_NODES = 9999
# Pods are called <run>-workers-0-<index>-<five letters> at the longest, in no more than 63.
LONGEST_NAME = 40
LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
SIZE = re.compile(r"[1-9][0-9]*(Mi|Gi|Ti)")
IMAGE_NAME = re.compile(r"[a-z0-9]([a-z0-9._/:-]*[a-z0-9])?")
IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What the command line says in other ways.
OURS = {"config": "--recipe", "name": "--name", "runs_dir": "--storage", "checkpoint.store": "--storage"}


@dataclass(frozen=True, kw_only=True)
class Request:
    name: str
    """The run, its Job and its run folder."""
    recipe: Path
    overrides: tuple[str, ...]
    """KEY=VALUE for keys of the recipe."""
    fewest: int
    """Pods with which the run goes on."""
    most: int
    """Pods with which it starts."""
    gpus: int
    """Of each pod, with one rank for each."""
    image: str
    storage: str
    """A claim that exists, the size of one to make, or the URL of a store of objects."""
    namespace: str | None
    components: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.name) > LONGEST_NAME or not LABEL.fullmatch(self.name):
            raise UserError(
                f"--name: '{self.name}' cannot name a Job and its Service; give up to {LONGEST_NAME} lower-case "
                "letters, digits and '-', a letter first"
            )
        if not 1 <= self.fewest <= self.most <= MOST_NODES:
            asked = f"{self.fewest}:{self.most}" if self.elastic else self.most
            raise UserError(f"--nodes: {asked} makes no run; give 1 to {MOST_NODES}, or FEWEST:MOST such as 2:4")
        if self.gpus < 0:
            raise UserError(f"--gpus: {self.gpus} is too small; give 0 for the CPU, or the GPUs of one node")
        if self.namespace is not None and (len(self.namespace) > 63 or not LABEL.fullmatch(self.namespace)):
            raise UserError(f"--namespace: '{self.namespace}' cannot name one; give lower-case letters, digits and '-'")
        self._check_storage()
        self._check_components()
        self.image_parts  # noqa: B018  # raises for what names no image
        self._check_recipe()

    @property
    def elastic(self) -> bool:
        return self.fewest != self.most

    @property
    def own_claim(self) -> bool:
        return SIZE.fullmatch(self.storage) is not None

    @property
    def store(self) -> str | None:
        """The URL, where there is no claim."""
        return self.storage if "://" in self.storage else None

    @property
    def all_components(self) -> tuple[str, ...]:
        """With those that the numbers ask for, in the order in which they change the Job."""
        asked = {*self.components, *(["gpu"] if self.gpus else []), *(["elastic"] if self.elastic else [])}
        return tuple(name for name in ("gpu", "elastic", *CHOICES) if name in asked)

    @property
    def image_parts(self) -> dict[str, str]:
        """As kustomize has them. Raises UserError."""
        name, _, digest = self.image.partition("@")
        path, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        if not IMAGE_NAME.fullmatch(path + slash + last) or (colon and not IMAGE_TAG.fullmatch(tag)):
            raise UserError(f"--image: '{self.image}' names no image; give one such as registry/torchferry-train:0.1.0")
        if digest and not IMAGE_DIGEST.fullmatch(digest):
            raise UserError(f"--image: '{digest}' is no digest; give sha256: and 64 digits, or a tag")
        if not digest and not tag:
            raise UserError(f"--image: '{self.image}' may be another one for the next pod; give a tag or a digest")
        return {"newName": path + slash + last} | ({"digest": digest} if digest else {"newTag": tag})

    @property
    def in_words(self) -> str:
        pods = f"{self.fewest} to {self.most}" if self.elastic else f"{self.most}"
        ranks = f"{self.gpus} GPU{'s' if self.gpus > 1 else ''}" if self.gpus else "one rank on the CPU"
        return f"{pods} pod{'s' if self.most > 1 else ''} with {ranks} each"

    def _check_storage(self) -> None:
        if self.store is not None:
            if not STORE_URL.fullmatch(self.store) or self.store.startswith(("file:", "local:", "memory:")):
                raise UserError(
                    f"--storage: {self.store} is no place that all pods reach; give one like s3://bucket/runs"
                )
        elif not self.own_claim and (len(self.storage) > 253 or not SUBDOMAIN.fullmatch(self.storage)):
            raise UserError(
                f"--storage: '{self.storage}' is no claim's name, size or URL; give runs, 20Gi or s3://bucket, say"
            )

    def _check_components(self) -> None:
        for name in self.components:
            if name in ("gpu", "elastic"):
                option = "--gpus above 0" if name == "gpu" else "--nodes FEWEST:MOST"
                raise UserError(f"--components: {name} comes with {option}; leave it out")
            if name not in CHOICES:
                raise UserError(f"--components: there is no {name}; give any of {', '.join(CHOICES)}")
        operators = [name for name in OPERATORS if name in self.components]
        if len(operators) > 1:
            raise UserError(f"--components: {' and '.join(operators)} would both make the pods; give one of them")
        if self.elastic and "kubeflow-trainer" in operators:
            raise UserError("--components: kubeflow-trainer knows runs of a fixed size only; give --nodes one number")
        if "rdma" in self.components and not self.gpus:
            raise UserError("--components: rdma is for NCCL between GPUs; give --gpus")

    def _check_recipe(self) -> None:
        for override in self.overrides:
            key, equals, _ = override.partition("=")
            if not equals or not key:
                raise UserError(f"--set: '{override}' is no KEY=VALUE, such as optimizer.args.lr=0.1")
            if key in OURS:
                raise UserError(f"--set: {key} is decided by {OURS[key]}; leave it out")
        parse(["--config", str(self.recipe), "--name", self.name, *(f"--{override}" for override in self.overrides)])


def nodes(text: str) -> tuple[int, int]:
    """Fewest and most, from N or FEWEST:MOST. Raises UserError."""
    fewest, colon, most = text.partition(":")
    if not all(number.isdecimal() for number in ([fewest, most] if colon else [fewest])):
        raise UserError(f"--nodes: '{text}' is no number; give one, or FEWEST:MOST such as 2:4")
    return int(fewest), int(most if colon else fewest)


def recipe_file(asked: str) -> Path:
    """The file of that name, or the recipe that comes with training. Raises UserError."""
    if Path(asked).is_file():
        return Path(asked)
    if (own := RECIPES / f"{asked}.yaml").is_file() and own.parent == RECIPES:
        return own
    known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
    raise UserError(f"--recipe: {asked} is neither a file nor one of {known}")


def name_for(recipe: Path, now: float) -> str:
    """The recipe's name as far as a Job can bear it, and the time."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    words = re.sub(r"[^a-z0-9]+", "-", recipe.stem.lower()).strip("-0123456789")
    return f"{words[: LONGEST_NAME - len(stamp) - 1].rstrip('-') or 'run'}-{stamp}"
