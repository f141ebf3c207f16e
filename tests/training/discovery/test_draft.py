import pytest
import yaml

from torchferry.training.config.instantiate import Component
from torchferry.training.discovery.draft import WIDTH, Draft, name_for, text_of


def draft(samples: int = 160, **changes: object) -> Draft:
    given = {
        "title": "A title.",
        "name": "houses",
        "task": "regression",
        "source": Component(name="table", args={"path": "1e1", "target": "price: in euro", "scale": True}),
        "comments": {"path": "x" * 100},
        "samples": samples,
        "network": Component(name="mlp", args={"widths": [2, 1]}),
        "network_comment": "a network",
    }
    return Draft(**given | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("samples", "batch", "epochs"), [(3, 3, 100), (24, 8, 100), (160, 16, 100), (1437, 64, 44), (60_000, 64, 5)]
)
def test_batches_and_epochs_suit_the_number_of_samples(samples: int, batch: int, epochs: int) -> None:
    assert (draft(samples).batch_size, draft(samples).epochs) == (batch, epochs)


def test_the_text_is_a_recipe_with_comments_on_short_lines() -> None:
    text = text_of(draft(augment=(Component(name="horizontal_flip"),), weights="a.pth", head="fc."), "h.yaml")
    recipe = yaml.safe_load(text)
    assert text.startswith("# A title.\n#   torchferry train --config h.yaml\n")
    assert recipe["data"]["source"]["args"] == {"path": "1e1", "target": "price: in euro", "scale": True}
    assert "path: '1e1'" in text  # which jsonargparse would read as a number
    assert recipe["weights"] == {"source": "a.pth", "skip": ["fc."]}
    assert recipe["data"]["augment"] == [{"name": "horizontal_flip"}]
    assert max(map(len, text.splitlines()[2:])) <= WIDTH


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("houses", "houses"),
        ("my pets!", "my-pets"),
        ("2019", "run-2019"),
        ("---", "run"),
        ("é", "run"),
        ("a" * 200, "a" * 80),
    ],
)
def test_a_runs_name_from_a_files(path: str, name: str) -> None:
    assert name_for(path) == name
