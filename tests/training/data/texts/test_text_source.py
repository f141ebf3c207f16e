"""Texts are divided by what they hold, and what cannot be taken is left out and told."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tests.training import tiny
from tests.training.data.sources import refusal
from torchferry.training.data.source import TextInput
from torchferry.training.data.texts.text_rows import TextRows
from torchferry.training.data.texts.text_source import Texts, divided, keys_of, readable
from torchferry.training.data.texts.text_targets import class_targets
from torchferry.training.data.texts.tokenizer_options import TokenizerOptions

WORDS = [f"text {n % 60} of {'low' if n % 2 else 'high'}" for n in range(120)]


def rows(*texts: Any, said: Any = None, tested: Any = None) -> TextRows:
    said = said or ["low" if "low" in str(text) else "high" for text in texts]
    return TextRows(name="f", texts=texts, said=said, where=lambda row: f"f: line {row + 1}", tested=tested)


def texts(found: TextRows, fraction: float | None = 0.25, truncate: bool = True, most: int = 50) -> Texts:
    targets, labels = class_targets(found, None)
    trained, tested = divided(found, fraction, 0)
    asked = TokenizerOptions(asked={"vocabulary": 262}, most=most, least=1, truncate=truncate, pad_token=None)
    return Texts(rows=found, targets=targets, labels=labels, trained=trained, tested=tested, options=asked, damaged=())


def test_a_text_and_its_copies_are_on_one_side() -> None:
    trained, tested = divided(rows(*WORDS), 0.25, 0)
    assert (trained == ~tested).all()
    assert (tested[:60] == tested[60:]).all()
    assert 0.1 < tested.mean() < 0.4
    assert np.array_equal(divided(rows(*WORDS, "another"), 0.25, 0)[1][:-1], tested)
    assert all(side.all() for side in divided(rows(*WORDS), 0, 0))
    assert divided(rows("a", "b", tested=[True, False]), None, 0)[1].tolist() == [True, False]
    assert len(set(keys_of(rows(*WORDS)).tolist())) == 60


def test_a_source_has_ids_as_the_tokenizer_of_its_training_texts_makes_them() -> None:
    source = texts(rows(*WORDS)).source()
    assert isinstance(source.input, TextInput)
    assert (source.targets, source.labels, source.input.rows) == ("classes", ("high", "low"), 262)
    assert source.train_size + source.test_size == 120
    assert source.keys is not None
    assert len(source.keys) == source.train_size == source.listings["train"].samples
    ids, target = source.train[0]
    assert ids.dtype == torch.int64
    assert int(target) in (0, 1)
    again = texts(rows(*WORDS)).source()
    assert (again.input, again.listings) == (source.input, source.listings)
    # Such as of a run that began with other texts.
    assert source.refit is not None
    before = replace(source.input, tokenizer=texts(rows(*WORDS[:40])).source().input.tokenizer)  # type: ignore[union-attr]
    assert source.refit(before).input == before
    words = "f: the model was trained on a TensorInput, and these are texts"
    assert refusal(lambda: source.refit(tiny.corners().input)) == words  # type: ignore[misc]


def test_all_texts_are_trained_and_tested_on_with_a_fraction_of_0() -> None:
    source = texts(rows(*WORDS), 0).source()
    assert source.train_size == source.test_size == 120
    assert source.refit is not None
    assert source.refit(source.input).train_size == 120


def test_what_is_no_text_is_left_out_and_the_first_is_named() -> None:
    left, damaged = readable(rows("a", "", None, "b", "\ud800"))
    assert left.texts == ["a", "b"]
    assert damaged == ("f: line 2: is empty, and 2 others of its 5 texts cannot be taken",)
    assert readable(rows("a")) == (rows("a"), ()) or readable(rows("a"))[1] == ()


def test_long_texts_are_damaged_where_they_are_not_to_be_cut() -> None:
    long = "low " + "word " * 100
    source = texts(rows(*WORDS, long), 0, truncate=False).source()
    assert source.train_size == 120
    [line] = source.damaged
    assert line.startswith("f: line 121: has ")
    assert line.endswith(" tokens; at most 50 are taken")
    cut = texts(rows(*WORDS, long), 0).source()
    assert (cut.train_size, cut.damaged) == (121, ())
    assert cut.notes[0] == "f: 1 of 121 texts have 50 tokens or more, and are cut to that"


def test_a_class_that_is_not_trained_on_is_refused_and_one_that_is_not_tested_told() -> None:
    one_side = rows("a low", "b high", "c low", tested=[False, True, True])
    words = "f: class high has no text to train on; data.source.args.labels may leave it out"
    assert refusal(texts(one_side, None).source) == words
    source = texts(rows("a low", "b high", "a low", tested=[False, False, True]), None).source()
    assert source.notes[:2] == (
        "f: 1 texts are in the training set and in the test set",
        "f: has no text of high to test on",
    )
    assert refusal(texts(rows("a low", tested=[False]), None).source) == "f: none of its 1 texts is left to test on"
