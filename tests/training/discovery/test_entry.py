import pytest

from tests.training.data.sources import refusal
from torchferry.training.discovery.components import KINDS
from torchferry.training.discovery.entry import entries, headlines


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("digits", ["source, for data.source.name"]),
        ("linear", ["network, for model.name", "schedule, for schedule.name"]),
        ("step", ["schedule, for schedule.name", "a section of the recipe"]),
        ("regression", ["task, for task"]),
        ("step.clip_norm", ["a key of the recipe, a number or null, null by default"]),
        ("name", ["a key of the recipe, text; the recipe has to say it"]),
        ("torch.nn.Linear", ["a class by its import path"]),
        ("torchvision.models.resnet18", ["a function by its import path"]),
    ],
)
def test_a_name_is_all_that_it_names(name: str, kinds: list[str]) -> None:
    assert [entry.kind for entry in entries(name)] == kinds


def test_a_section_and_a_list_of_parts_show_their_keys() -> None:
    assert [each.name for each in entries("weights")[0].arguments] == ["source", "skip", "key", "prefix"]
    assert [each.name for each in entries("data.augment")[0].arguments] == ["name", "args"]
    assert entries("step.clip_norm")[0].arguments == ()
    assert entries("step.clip_norm")[0].summary.startswith("Largest norm of all gradients")
    assert entries("profile")[0].summary == ""


def test_an_import_path_shows_what_it_passes_on() -> None:
    assert "num_classes" in [each.name for each in entries("torchvision.models.resnet18")[0].arguments]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digit", "there is no 'digit'; did you mean digits?"),
        ("adamw2", "did you mean AdamW?"),
        ("step.clip", "there is no 'step.clip'; did you mean step.clip_norm?"),
        ("zzzz", "there is no 'zzzz'; torchferry describe lists all there is"),
        ("torchvision.models.resnet19", "did you mean torchvision.models.resnet18?"),
        ("nowhere.Net", "cannot import 'nowhere.Net'"),
        ("math.pi", "math.pi: is a float, not a class or function"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(name: str, words: str) -> None:
    assert words in refusal(lambda: entries(name))


def test_a_headline_is_one_sentence() -> None:
    found = {name: said for kind in KINDS for name, said in headlines(kind)}
    assert found["rotation"] == "Turns an image about its centre; nearest pixel, corners black"
    assert all("\n" not in said for said in found.values())
