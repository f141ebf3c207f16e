"""A tokenizer is trained, the same each time, or read from a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run_python
from tests.torchferry.contract.tokenizers_made import bpe_file
from tests.training.data.sources import refusal
from torchferry.training.data.texts.tokenizer_options import TokenizerOptions

TEXTS = [f"{'free money' if n % 3 else 'The meeting'} number {n} naïve ☃" for n in range(50)]


def options(asked: Any = None, most: int = 64, pad_token: str | None = None, **limits: Any) -> TokenizerOptions:
    return TokenizerOptions(asked=asked, most=most, pad_token=pad_token, **{"least": 1, "truncate": True, **limits})


def test_bpe_knows_every_character_and_learns_what_comes_often() -> None:
    tokenizer = options({"vocabulary": 280}).tokenizer(TEXTS, None)
    assert (tokenizer.pad, tokenizer.rows) == (0, 280)
    [ids, other] = tokenizer.encode(["free money", "日本"])
    assert len(ids) < len("free money")
    assert 0 not in other
    assert len(tokenizer.encode(["FREE MONEY"])[0]) > len(ids)
    lower = options({"train": "bpe", "vocabulary": 280, "lowercase": True}).tokenizer(TEXTS, None)
    assert lower.encode(["FREE MONEY"])[0].tolist() == lower.encode(["free money"])[0].tolist()


def test_the_same_texts_give_the_same_tokenizer_in_any_process_and_order() -> None:
    code = (
        "from tests.training.data.texts.test_tokenizer_options import TEXTS, options; "
        "print(options({'vocabulary': 400}).tokenizer(TEXTS[::-1], None).content)"
    )
    assert run_python("-c", code).stdout.strip() == options({"vocabulary": 400}).tokenizer(TEXTS, None).content


def test_one_of_before_takes_the_place_of_another_training() -> None:
    before = options({"vocabulary": 280}).tokenizer(TEXTS, None)
    assert options({"vocabulary": 280}).tokenizer(["other words"], before.content).content == before.content


def test_a_file_is_taken_as_it_is_and_may_not_change(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(bpe_file())
    tokenizer = options(str(tmp_path)).tokenizer([], None)
    assert tokenizer.content == options(str(tmp_path / "tokenizer.json")).tokenizer([], tokenizer.content).content
    (tmp_path / "tokenizer.json").write_text(bpe_file(around=True))
    words = f"data.source.args.tokenizer: {tmp_path} is another one than the model was trained with; give that back"
    assert refusal(lambda: options(str(tmp_path)).tokenizer([], tokenizer.content)) == words


def test_a_token_for_padding_may_be_named(tmp_path: Path) -> None:
    (path := tmp_path / "t.json").write_text(bpe_file(pad=False))
    asked = str(path)
    assert refusal(lambda: options(asked).tokenizer([], None)) == (
        f"{path}: names no token for padding; give data.source.args.pad_token, one that no text has"
    )
    assert options(asked, pad_token="[SEP]").tokenizer([], None).pad == 1
    words = f"data.source.args.pad_token: {path} has no token '[PAD]'"
    assert refusal(lambda: options(asked, pad_token="[PAD]").tokenizer([], None)) == words


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            "no/such.json",
            "data.source.args.tokenizer: no/such.json: No such file or directory; a tokenizer.json is exp",
        ),
        (
            {"vocabular": 9},
            "data.source.args.tokenizer.vocabular: it has train, vocabulary, lowercase; did you mean voc",
        ),
        (
            {"train": "wordpiece"},
            "data.source.args.tokenizer.train: 'wordpiece' is not bpe; a tokenizer.json of anothe",
        ),
        ({"vocabulary": 100}, "data.source.args.tokenizer.vocabulary: 100 is not a whole number from 257 to 1,000,000"),
        ({"lowercase": "no"}, "data.source.args.tokenizer.lowercase: no is not true or false"),
    ],
)
def test_what_is_no_tokenizer_is_refused(asked: Any, words: str) -> None:
    assert refusal(lambda: options(asked).tokenizer(TEXTS, None)).startswith(words)


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (path := tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert refusal(lambda: options(str(path)).tokenizer([], None)).startswith(f"{path}: is no tokenizer.json of ")
    path.write_bytes(b"\xff\xfe")
    assert refusal(lambda: options(str(path)).tokenizer([], None)).endswith("is no tokenizer.json: it is not UTF-8")
    path.write_text(bpe_file(around=True))
    assert refusal(lambda: options(str(path), most=2).tokenizer([], None)).endswith("so that 2 tokens are too few")


def test_texts_that_are_cut_and_tokens_that_are_lacking_are_told() -> None:
    asked = options({"vocabulary": 5000}, most=5)
    tokenizer = asked.tokenizer(TEXTS, None)
    assert asked.notes(tokenizer, tokenizer.encode(["free money", "a long text of words"]), "f") == [
        "f: 1 of 2 texts have 5 tokens or more, and are cut to that",
        f"data.source.args.tokenizer: the texts gave {tokenizer.rows} tokens, fewer than 5,000",
    ]
    refuses = options({"vocabulary": 280}, most=5, truncate=False)
    assert refuses.notes(refuses.tokenizer(TEXTS, None), [], "f") == []
