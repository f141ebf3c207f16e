from tests.commands import ROOT
from torchferry.training.discovery.reference import all_entries, markdown_lines


def test_the_reference_is_current() -> None:
    """After a change: torchferry describe --all --markdown > training/REFERENCE.md"""
    assert (ROOT / "training" / "REFERENCE.md").read_text() == "\n".join(markdown_lines()) + "\n"


def test_the_reference_names_every_component_and_key() -> None:
    text = "\n".join(markdown_lines())
    assert all(f"\n### {name}\n" in text for name in ("digits", "mlp", "rotation", "cosine", "cross_entropy", "binary"))
    assert "\n| `step.clip_norm` | a number or null | `null` | Largest norm of all gradients together. |" in text
    assert "| `data.source.name` | text | required |" in text
    assert {"epochs", "SGD", "StepLR"} <= {entry.name for entry in all_entries()}
