"""The source `text` from a recipe's words, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.torchferry.contract.tokenizers_made import bpe_file
from tests.training import tiny
from tests.training.data.sources import refusal, source
from torchferry.training.config.instantiate import Component
from torchferry.training.data.build_source import build_source
from torchferry.training.data.source import TextInput

ROWS = [{"text": f"{'free money' if n % 2 else 'the meeting'} {n}", "label": ["ham", "spam"][n % 2]} for n in range(60)]


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    (path := tmp_path / "mails.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return path


def args(path: Path, **given: Any) -> dict[str, Any]:
    return {"path": str(path), "tokenizer": {"vocabulary": 265}, "test_fraction": 0.3, **given}


def test_a_file_gives_texts_with_classes(mails: Path) -> None:
    found = source("text", **args(mails, most=30, truncate=False))
    assert (found.targets, found.labels) == ("classes", ("ham", "spam"))
    assert isinstance(found.input, TextInput)
    assert (found.input.pad, found.input.most, found.input.truncate, found.damaged) == (0, 30, False, ())
    assert 0.1 < found.test_size / 60 < 0.5


def test_a_file_and_a_list_of_its_own_to_test_on(mails: Path, tmp_path: Path) -> None:
    (tested := tmp_path / "test.csv").write_text("label,text\nspam,free money now\n")
    found = source("text", **args(mails, test_path=str(tested), test_fraction=None))
    assert (found.train_size, found.test_size) == (60, 1)


def test_class_folders(tmp_path: Path) -> None:
    for number, row in enumerate(ROWS):
        (folder := tmp_path / row["label"]).mkdir(exist_ok=True)
        (folder / f"{number}.mail").write_text(row["text"])
    found = source("text", **args(tmp_path, suffixes=["mail"]))
    assert (found.labels, found.train_size + found.test_size) == (("ham", "spam"), 60)


def test_several_labels_and_a_tokenizer_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(bpe_file())
    (path := tmp_path / "a.csv").write_text("text,a,b\n" + "".join(f"text {n},{n % 2},1\n" for n in range(20)))
    asked = Component(name="text", args=args(path, target=["a", "b"], tokenizer=str(tmp_path)))
    found = build_source(asked, "labels")
    assert (found.targets, found.labels, found.train[0][1].shape) == ("labels", ("a", "b"), (2,))


def test_it_is_trained_on_as_it_is(mails: Path) -> None:
    model = Component(name="embedding_bag", args={"rows": 300, "classes": 2})
    run = tiny.build(data={"source": Component(name="text", args=args(mails)), "buckets": True}, model=model)
    assert next(iter(run.feed.epoch(0, 0))).inputs.shape[0] == 4
    small = Component(name="embedding_bag", args={"rows": 200, "classes": 2})
    words = (
        "model: tokens has 200 rows and is asked for row 264; the tokenizer has 265 ids, and a text up to 256 tokens"
    )
    data = {"source": Component(name="text", args=args(mails))}
    assert refusal(lambda: tiny.build(data=data, model=small)).startswith(words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"target": "lable"},
            "data.source.args.target: {} has no column 'lable'; it has text, label; did you mean lab",
        ),
        ({"test_fraction": None}, "{}: has no column split; give data.source.args.test_fraction 0.2, or test_path"),
        ({"test_fraction": 1}, "data.source.args.test_fraction: 1 is not 0 or more and below 1"),
        ({"test_path": "b"}, "data.source.args.test_path and data.source.args.test_fraction both say what is held out"),
        ({"least": 0}, "data.source.args.least: 0 is not from 1 to most, which is 256"),
        ({"most": 0}, "data.source.args.most: 0 is too small; give 1 or more"),
        ({"separator": ""}, "data.source.args.separator: is empty; give what stands between labels"),
        ({"path": "no/such"}, "no/such: no such file; data.source.args.path names the table"),
    ],
)
def test_what_cannot_be_is_refused(mails: Path, changes: dict[str, Any], words: str) -> None:
    assert refusal(lambda: source("text", **args(mails) | changes)).startswith(words.format(mails))


def test_a_folder_has_neither_columns_nor_another_file(tmp_path: Path) -> None:
    words = f"data.source.args.target: is for a file; {tmp_path} is a folder, whose folders are its classes"
    assert refusal(lambda: source("text", **args(tmp_path, target="a"))) == words
