"""The manifests of k8s/ are found beside the package or where a wheel puts them, as they are."""

import shutil
from pathlib import Path

import pytest

from tests.commands import ROOT
from torchferry.errors import UserError
from torchferry.training.render import manifests


def test_every_file_of_the_parts_comes_by_its_path() -> None:
    found = manifests.read("base/training", "components/gpu")
    names = {path.relative_to(ROOT / "k8s").as_posix() for path in (ROOT / "k8s/base/training").iterdir()}
    names |= {path.relative_to(ROOT / "k8s").as_posix() for path in (ROOT / "k8s/components/gpu").iterdir()}
    assert found.keys() == names
    for name in ("base/training/kustomization.yaml", "components/gpu/kustomization.yaml"):
        assert found[name] == (ROOT / "k8s" / name).read_text()


def test_a_wheel_has_the_manifests_elsewhere(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "k8s/base/training", tmp_path / "share/base/training")
    found = manifests.read("base/training", places=(tmp_path / "nowhere", tmp_path / "share"))
    assert found["base/training/training.yaml"] == (ROOT / "k8s/base/training/training.yaml").read_text()
    with pytest.raises(UserError, match="run it in a checkout"):
        manifests.read("base/training", places=(tmp_path / "nowhere",))


def test_a_place_that_lacks_one_part_is_none(tmp_path: Path) -> None:
    places = tmp_path / "one", tmp_path / "both"
    for name in ("one/base", "both/base", "both/gpu"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "kustomization.yaml").write_text(name)
    assert manifests.read("base", "gpu", places=places) == {
        "base/kustomization.yaml": "both/base",
        "gpu/kustomization.yaml": "both/gpu",
    }
    with pytest.raises(UserError, match=f"the manifests base, rdma are neither in {places[0]} nor in {places[1]}; run"):
        manifests.read("base", "rdma", places=places)
