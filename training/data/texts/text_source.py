"""From rows of texts and their targets to a source: divided, tokenized, and without what cannot be taken."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from torchferry.contract.text import NotAText, Tokenizer, check_text
from torchferry.errors import UserError, some
from torchferry.training.data.membership import held_out, key_of
from torchferry.training.data.ragged import Ragged
from torchferry.training.data.source import Input, Listing, Source, TextInput
from torchferry.training.data.texts.text_rows import ARGS, TextRows
from torchferry.training.data.texts.tokenizer_options import TokenizerOptions

CHUNK = 10_000
"""Texts that are tokenized at once."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    rows: TextRows
    targets: torch.Tensor
    """Of all rows: int64 [rows] of classes, uint8 [rows, labels]."""
    labels: tuple[str, ...]
    trained: np.ndarray
    """bool [rows], as the next."""
    tested: np.ndarray
    options: TokenizerOptions
    damaged: tuple[str, ...]

    def source(self, given: str | None = None) -> Source:
        """`given` is a tokenizer of before, which takes the place of one that would be trained. Raises UserError."""
        tokenizer = self.options.tokenizer(
            [self.rows.texts[row] for row in np.flatnonzero(self.trained).tolist()], given
        )
        assert tokenizer.pad is not None  # as the options see to it
        ids, unread = _encoded(tokenizer, self.rows.texts)
        are_taken = np.array([row not in unread for row in range(len(self.rows))], bool)
        sides = [np.flatnonzero(side & are_taken) for side in (self.trained, self.tested)]
        notes = (*self._notes(*sides), *self.options.notes(tokenizer, ids, self.rows.name))
        train, test = (Ragged([ids[row] for row in side.tolist()], self._targets(side)) for side in sides)
        keys = keys_of(self.rows)
        return Source(
            targets="classes" if self.targets.dim() == 1 else "labels",
            train=train,
            test=test,
            labels=self.labels,
            input=TextInput(
                tokenizer=tokenizer.content,
                pad=tokenizer.pad,
                rows=tokenizer.rows,
                least=self.options.least,
                most=self.options.most,
                truncate=self.options.truncate,
            ),
            keys=keys[sides[0]],
            listings={
                split: _listing(keys[side], self._targets(side))
                for split, side in zip(("train", "test"), sides, strict=True)
            },
            refit=lambda before: self.source(_tokenizer_of(before, self.rows.name)),
            damaged=(*self.damaged, *_lines(self.rows, unread)),
            notes=(*self.rows.notes, *notes),
        )

    def _targets(self, side: np.ndarray) -> torch.Tensor:
        return self.targets[torch.from_numpy(side)]

    def _notes(self, train: np.ndarray, test: np.ndarray) -> list[str]:
        """Raises UserError for a side without texts, and for a class that nothing is learnt of."""
        name = self.rows.name
        for side, purpose in ((train, "train"), (test, "test")):
            if not len(side):
                raise UserError(f"{name}: none of its {len(self.rows):,} texts is left to {purpose} on")
        notes = []
        keys = keys_of(self.rows)
        if self.rows.tested is not None and (both := len(np.intersect1d(keys[train], keys[test]))):
            notes.append(f"{name}: {both:,} texts are in the training set and in the test set")
        if self.targets.dim() == 1:
            trained, tested = (np.unique(self._targets(side).numpy()) for side in (train, test))
            untrained, untested = (
                [label for number, label in enumerate(self.labels) if number not in there]
                for there in (trained, tested)
            )
            if untrained:
                raise UserError(f"{name}: class {untrained[0]} has no text to train on; {ARGS}.labels may leave it out")
            if untested:
                notes.append(f"{name}: has no text of {some(untested)} to test on")
        return notes


def readable(rows: TextRows) -> tuple[TextRows, tuple[str, ...]]:
    """Those that are texts, and a line on the others."""
    unread = dict(rows.unread)
    for row, text in enumerate(rows.texts):
        if row not in unread:
            try:
                check_text("" if text is None else text)
            except NotAText as error:
                unread[row] = str(error)
    left = rows.taken([row for row in range(len(rows)) if row not in unread]) if unread else rows
    return left, _lines(rows, unread)


def divided(rows: TextRows, fraction: float | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """bool [rows] of those that are trained on and of those that are tested: as the rows say, or by `fraction`, where
    with 0 all are both. Raises UserError."""
    if fraction is None:
        tested = np.array(rows.tested, bool)
    elif fraction == 0:
        return np.ones(len(rows), bool), np.ones(len(rows), bool)
    else:
        tested = held_out(keys_of(rows), fraction, seed)
    return ~tested, tested


def keys_of(rows: TextRows) -> np.ndarray:
    """uint64 [rows], of what they hold."""
    return np.array([key_of(text.encode()) for text in rows.texts], np.uint64)


def _encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[list[np.ndarray], dict[int, str]]:
    """Of each text its ids, and why some have none."""
    found: list[np.ndarray] = []
    unread: dict[int, str] = {}
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        try:
            found += tokenizer.encode(chunk)
        except NotAText:
            for row, text in enumerate(chunk, start):
                try:
                    found += tokenizer.encode([text])
                except NotAText as error:
                    found.append(np.empty(0, np.int64))
                    unread[row] = str(error)
    return found, unread


def _lines(rows: TextRows, unread: Mapping[int, str]) -> tuple[str, ...]:
    """One that names the first."""
    if not unread:
        return ()
    first = min(unread)
    others = f", and {len(unread) - 1:,} others of its {len(rows):,} texts cannot be taken" if len(unread) > 1 else ""
    return (f"{rows.where(first)}: {unread[first]}{others}",)


def _listing(keys: np.ndarray, targets: torch.Tensor) -> Listing:
    digest = hashlib.sha256(keys.astype("<u8").tobytes())
    digest.update(targets.numpy().tobytes())
    return Listing(samples=len(keys), sha256=digest.hexdigest())


def _tokenizer_of(before: Input, name: str) -> str:
    if not isinstance(before, TextInput):
        raise UserError(f"{name}: the model was trained on a {type(before).__name__}, and these are texts")
    return before.tokenizer
