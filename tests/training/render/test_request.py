"""A request for a run on a cluster says what it makes, and what cannot be is refused by its option."""

from pathlib import Path
from typing import Any

import pytest

from tests.commands import RECIPES
from tests.training.render.requests import Checked, request
from torchferry.errors import UserError
from torchferry.training.render.request import LONGEST_NAME, name_for, nodes, recipe_file


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fewest": 1, "most": 1}, "1 pod with one rank on the CPU each"),
        ({"gpus": 1}, "2 pods with 1 GPU each"),
        ({"gpus": 8, "fewest": 1, "most": 4}, "1 to 4 pods with 8 GPUs each"),
    ],
)
def test_it_says_how_large_the_run_is(changes: dict[str, Any], words: str) -> None:
    assert request(Checked, **changes).in_words == words


@pytest.mark.parametrize(
    ("changes", "components"),
    [
        ({}, ()),
        ({"gpus": 1}, ("gpu",)),
        ({"fewest": 1, "components": ("kueue", "pytorchjob")}, ("elastic", "pytorchjob", "kueue")),
        ({"gpus": 1, "components": ("kueue", "jobset", "rdma")}, ("gpu", "rdma", "jobset", "kueue")),
    ],
)
def test_components_are_in_the_order_in_which_they_change_the_job(
    changes: dict[str, Any], components: tuple[str, ...]
) -> None:
    assert request(Checked, **changes).all_components == components


@pytest.mark.parametrize(
    ("storage", "own_claim", "store"),
    [
        ("20Gi", True, None),
        ("512Mi", True, None),
        ("runs", False, None),
        ("team.runs-2", False, None),
        ("s3://bucket/runs", False, "s3://bucket/runs"),
    ],
)
def test_storage_is_a_size_a_claim_or_a_store(storage: str, own_claim: bool, store: str | None) -> None:
    found = request(Checked, storage=storage)
    assert (found.own_claim, found.store) == (own_claim, store)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("train:1", {"newName": "train", "newTag": "1"}),
        ("host:5000/team/train:v1.2_a", {"newName": "host:5000/team/train", "newTag": "v1.2_a"}),
        (f"train@sha256:{'0a' * 32}", {"newName": "train", "digest": f"sha256:{'0a' * 32}"}),
        (f"host/train:1@sha256:{'0a' * 32}", {"newName": "host/train", "digest": f"sha256:{'0a' * 32}"}),
    ],
)
def test_an_image_has_a_name_and_a_tag_or_a_digest(image: str, parts: dict[str, str]) -> None:
    assert request(Checked, image=image).image_parts == parts


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a" * 40},
        {"name": "a-1", "image": "host:5000/team/train:1.2", "storage": "s3://bucket/runs"},
        {"fewest": 1, "most": 9999},
        {"namespace": "a" * 63},
        {"storage": "a" * 253},
        {"overrides": ("epochs=3", "model.args.width=8", 'optimizer.args={"lr": 0.1}')},
    ],
)
def test_the_bounds_themselves_are_allowed(changes: dict[str, Any]) -> None:
    made = request(**changes)
    assert {key: getattr(made, key) for key in changes} == changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "a" * 41}, "--name: 'a{41}' cannot name a Job and its Service; give up to 40 lower-case"),
        ({"name": "a-"}, "--name: 'a-' cannot name a Job"),
        ({"most": 10_000}, "--nodes: 2:10000 makes no run; give 1 to 9999, or FEWEST:MOST"),
        ({"fewest": 0, "most": 0}, "--nodes: 0 makes no run"),
        ({"fewest": 3}, "--nodes: 3:2 makes no run"),
        ({"gpus": -1}, "--gpus: -1 is too small; give 0 for the CPU"),
        ({"namespace": "a" * 64}, "--namespace: 'a{64}' cannot name one"),
        ({"namespace": ""}, "--namespace: '' cannot name one"),
        ({"storage": "0Gi "}, "--storage: '0Gi ' is no claim's name, size or URL"),
        ({"storage": "a" * 254}, "is no claim's name, size or URL"),
        ({"storage": "memory://runs"}, "--storage: memory://runs is no place that all pods reach"),
        ({"storage": "local://runs"}, "is no place that all pods reach; give one like s3://"),
        ({"image": "train"}, "--image: 'train' may be another one for the next pod; give a tag or a digest"),
        ({"image": "host:5000/train"}, "--image: 'host:5000/train' may be another one"),
        ({"image": "train:"}, "--image: 'train:' names no image"),
        ({"image": f"train:{'a' * 129}"}, "names no image"),
        ({"image": "train@sha256:0a"}, "--image: 'sha256:0a' is no digest; give sha256: and 64 digits"),
        ({"components": ("elastic",)}, "--components: elastic comes with --nodes FEWEST:MOST; leave it out"),
        ({"components": ("slurm",)}, "--components: there is no slurm; give any of rdma, jobset"),
        ({"components": ("pytorchjob", "jobset")}, "--components: jobset and pytorchjob would both make the pods"),
        ({"components": ("kubeflow-trainer",), "fewest": 1}, "kubeflow-trainer knows runs of a fixed size only"),
        ({"components": ("rdma",)}, "--components: rdma is for NCCL between GPUs; give --gpus"),
        ({"overrides": ("=3",)}, "--set: '=3' is no KEY=VALUE"),
        ({"overrides": ("runs_dir=/d",)}, "--set: runs_dir is decided by --storage; leave it out"),
        ({"overrides": ("config=other.yaml",)}, "--set: config is decided by --recipe"),
        ({"overrides": ("epochs=0",)}, "epochs: 0 is too small"),
    ],
)
def test_what_makes_no_run_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        request(**changes)


@pytest.mark.parametrize(("text", "numbers"), [("4", (4, 4)), ("2:4", (2, 4)), ("0", (0, 0))])
def test_nodes_are_one_number_or_two(text: str, numbers: tuple[int, int]) -> None:
    assert nodes(text) == numbers


@pytest.mark.parametrize("text", ["", ":", "2:", ":4", "-1", "2:3:4", "1.5", " 2", "many"])
def test_nodes_that_are_no_number_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"--nodes: '{text}' is no number; give one, or FEWEST:MOST"):
        nodes(text)


def test_a_recipe_is_a_file_or_one_that_comes_with_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert recipe_file("digits").samefile(RECIPES / "digits.yaml")
    Path("digits").touch()
    assert recipe_file("digits") == Path("digits")
    with pytest.raises(UserError, match=r"is neither a file nor one of cnn-cifar10, .*digits"):
        recipe_file("../recipes/digits")


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ("digits.yaml", "digits"),
        ("My Net_2.yaml", "my-net"),
        ("2-layers.yaml", "layers"),
        ("123.yaml", "run"),
        ("a" * 60, "a" * 24),
        ("a" * 23 + "-b", "a" * 23),
        ("é.yaml", "run"),
    ],
)
def test_a_run_is_named_after_its_recipe_and_the_time(recipe: str, name: str) -> None:
    found = name_for(Path(recipe), 1_790_000_000.0)
    assert found == f"{name}-20260921-141320"
    assert len(found) <= LONGEST_NAME
