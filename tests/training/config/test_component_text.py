import pytest

from tests.training.data.sources import refusal
from torchferry.training.config.component_text import component_of
from torchferry.training.config.instantiate import Component


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("digits", Component(name="digits")),
        ("{name: table, args: {path: a.csv}}", Component(name="table", args={"path": "a.csv"})),
        ('{"name": "a.B", "args": null}', Component(name="a.B")),
    ],
)
def test_yaml_json_and_a_bare_name_are_parts(text: str, component: Component) -> None:
    assert component_of(text, "--source") == component


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{name: a, agrs: {}}", "--source: unknown key agrs; did you mean args?"),
        ("{args: {}}", "is not {name: ..., args: {...}}"),
        ("{name: a, args: [1]}", "is not {name: ..., args: {...}}"),
        ("[1]", "is not {name: ..., args: {...}}"),
        ("{", "--source: is no YAML: "),
    ],
)
def test_what_is_no_part_is_refused(text: str, words: str) -> None:
    assert words in refusal(lambda: component_of(text, "--source"))
