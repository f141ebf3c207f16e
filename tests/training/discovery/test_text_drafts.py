"""A draft for texts names their columns, and its network has a row for each token."""

import json
from pathlib import Path

from tests.training.data.sources import refusal
from torchferry.training.discovery.text_drafts import VOCABULARY, text

ROWS = [{"mail": f"text {n} of {n % 7}", "kind": "ab"[n % 2], "x": n % 2, "y": 1} for n in range(60)]


def test_a_file_of_classes_and_one_of_labels(tmp_path: Path) -> None:
    (path := tmp_path / "mails.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    draft = text(str(path), "kind", "mail")
    assert (draft.task, draft.name, draft.network.name) == ("classification", "mails", "embedding_bag")
    assert draft.network.args == {"rows": VOCABULARY, "classes": 2}
    assert draft.source.args["test_fraction"] == 0.2
    several = text(str(path), "x,y", "mail")
    assert (several.task, several.source.args["target"]) == ("multilabel", ["x", "y"])
    assert "has no column 'kin'" in refusal(lambda: text(str(path), "kin", "mail"))


def test_folders_with_a_test_set_of_their_own(tmp_path: Path) -> None:
    for number in range(20):
        (folder := tmp_path / ("test" if number < 4 else "train") / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(f"text {number}")
    draft = text(str(tmp_path), None, None)
    assert "test_fraction" not in draft.source.args
    assert draft.samples == 16
