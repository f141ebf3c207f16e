"""The tokenizer that a recipe asks for: a file, or one that is trained on the training texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Library
from tokenizers import models, normalizers, pre_tokenizers, trainers

from torchferry.contract.text import FILE_NAME, NotATokenizer, Tokenizer
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.data.texts.text_rows import ARGS

KEY = f"{ARGS}.tokenizer"
PAD = "[PAD]"
BYTES = 256
"""Tokens that BPE begins with, one for each byte, so that no text has a character that it does not know."""
SETTINGS: dict[str, Any] = {"train": "bpe", "vocabulary": 8000, "lowercase": False}


@dataclass(frozen=True, kw_only=True)
class TokenizerOptions:
    asked: str | dict[str, Any] | None
    """A file, or what is to be trained."""
    most: int
    least: int
    truncate: bool
    pad_token: str | None

    def tokenizer(self, texts: Sequence[str], given: str | None) -> Tokenizer:
        """`texts` are those that are trained on, and `given` what a tokenizer of before holds, in the place of another
        training. Raises UserError."""
        if isinstance(self.asked, str):
            found = self._built(_read(Path(self.asked).expanduser()), self.asked)
            if given is not None and given != found.content:
                raise UserError(f"{KEY}: {self.asked} is another one than the model was trained with; give that back")
            return found
        settings = _settings(self.asked or {})
        if given is None:
            given = _bpe(texts, settings["vocabulary"], lowercase=settings["lowercase"])
        return self._built(given, KEY)

    def notes(self, tokenizer: Tokenizer, ids: Sequence[np.ndarray], name: str) -> list[str]:
        """Of all texts."""
        long = sum(len(each) >= self.most for each in ids)
        said = f"{name}: {long:,} of {len(ids):,} texts have {self.most:,} tokens or more, and are cut to that"
        notes = [said] if self.truncate and long else []
        if not isinstance(self.asked, str) and tokenizer.rows < (wanted := _settings(self.asked or {})["vocabulary"]):
            notes.append(f"{KEY}: the texts gave {tokenizer.rows:,} tokens, fewer than {wanted:,}")
        return notes

    def _built(self, content: str, where: str) -> Tokenizer:
        """With its limits, and a token that stands behind shorter texts."""
        limits: dict[str, Any] = {"least": self.least, "most": self.most, "truncate": self.truncate}
        try:
            tokenizer = Tokenizer(content, **limits)
            if self.pad_token is not None:
                if (pad := tokenizer.id_of(self.pad_token)) is None:
                    raise UserError(f"{ARGS}.pad_token: {where} has no token '{self.pad_token}'")
                tokenizer = Tokenizer(content, **limits, pad=pad)
        except NotATokenizer as error:
            raise UserError(f"{where}: {error}") from error
        if tokenizer.pad is None:
            raise UserError(f"{where}: names no token for padding; give {ARGS}.pad_token, one that no text has")
        return tokenizer


def _read(path: Path) -> str:
    file = path / FILE_NAME if path.is_dir() else path
    try:
        return file.read_text()
    except OSError as error:
        raise UserError(f"{KEY}: {file}: {error.strerror}; a tokenizer.json is expected") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{KEY}: {file}: is no tokenizer.json: it is not UTF-8") from error


def _settings(asked: dict[str, Any]) -> dict[str, Any]:
    for name in asked:
        if name not in SETTINGS:
            raise UserError(f"{KEY}.{name}: it has {', '.join(SETTINGS)}{did_you_mean(name, SETTINGS)}")
    settings = SETTINGS | asked
    if settings["train"] != "bpe":
        raise UserError(f"{KEY}.train: '{settings['train']}' is not bpe; a tokenizer.json of another kind goes by path")
    vocabulary = settings["vocabulary"]
    if type(vocabulary) is not int or not BYTES < vocabulary <= 1_000_000:
        raise UserError(f"{KEY}.vocabulary: {vocabulary} is not a whole number from {BYTES + 1} to 1,000,000")
    if not isinstance(settings["lowercase"], bool):
        raise UserError(f"{KEY}.lowercase: {settings['lowercase']} is not true or false")
    return settings


def _bpe(texts: Sequence[str], vocabulary: int, *, lowercase: bool) -> str:
    """Of the bytes of texts; the same for the same texts, in whatever order they come."""
    library = Library(models.BPE())
    lower = [normalizers.Lowercase()] if lowercase else []
    library.normalizer = normalizers.Sequence([normalizers.NFC(), *lower])
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator(texts, trainer)
    return library.to_str()
