"""A text to the token ids that a network takes, by a tokenizer.json of Hugging Face's `tokenizers`, without torch.

Training, export and both servers tokenize by this alone:

    tokenizer = Tokenizer(Path("tokenizer.json").read_bytes(), most=512, truncate=True)
    rows = tokenizer.encode(["free money", read_text(body)])   # int64 [tokens] each, none padded to another's length

Behind the shorter ones of a batch stands `tokenizer.pad`; a batch is made by torchferry.contract.axes, or by training.

A text that cannot be taken raises `NotAText`; one of too many tokens raises `TooManyTokens`, which is one too. The
errors have the limit in them, and no name of the text: whoever knows that puts it in front. `place` is where it stands
among the texts that were given. A file that is no tokenizer, or lacks what is asked of it, raises `NotATokenizer`.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from tokenizers import Encoding
from tokenizers import Tokenizer as Library

FILE_NAME = "tokenizer.json"
"""As everybody calls it, in a run folder and in a bundle as well."""
MAX_CHARACTERS = 250_000
"""Of one text, of which the library may take 150 MB (600 bytes for an emoji) and a quarter of a second. Of a longer one
the rest is not read where texts are cut."""
PAD_TOKENS = ("[PAD]", "<pad>", "<|pad|>", "<|padding|>", "<PAD>")
"""What tokenizers call the token that stands behind a shorter text."""
BYTE_ORDER_MARK = "\ufeff"


class NotAText(ValueError):
    """It is no text that can be tokenized; the text of the error says why."""

    place = 0
    """Where it stands among the texts that were given."""


class TooManyTokens(NotAText):
    """It is longer than the limit, and the contract does not cut."""


class NotATokenizer(ValueError):
    """The content is no tokenizer.json, or one that does not do what is asked of it."""


class Tokenizer:
    """What makes ids of texts. One may be used by several threads at once.

    Whatever its file says of truncation and padding is left out: the limits are those given here. Special tokens that
    the file puts around a text are put there, and count.
    """

    def __init__(
        self,
        content: str | bytes,
        *,
        least: int = 1,
        most: int | None = None,
        truncate: bool = False,
        pad: int | None = None,
    ) -> None:
        """`content` is that of a tokenizer.json. A text has `least` to `most` tokens: a shorter one is padded, a longer
        one is cut where `truncate` says so, and refused otherwise. `pad` is the id that stands behind shorter texts,
        the one that the file names where it is not given. Raises NotATokenizer."""
        self.least, self.most, self.truncate = least, most, truncate
        self._library = _library(content)
        own = (self._library.truncation or {}).get("direction", "right")
        self._cuts_right = own == "right"
        self._said_padding = self._library.padding
        self._library.no_truncation()
        self._library.no_padding()
        self.content = self._library.to_str()
        """As JSON in one line, the same for all files that say the same; without limits."""
        self.pad = self._padding() if pad is None else pad
        """The id that stands behind shorter texts; None where nobody names one."""
        if most is not None and most < max(least, 1 + self.around):
            raise NotATokenizer(f"puts {self.around} tokens around a text, so that {most} tokens are too few")
        if truncate and most is not None:
            self._library.enable_truncation(most, direction=own)

    @cached_property
    def rows(self) -> int:
        """How many rows an embedding of its ids needs: one more than the largest id."""
        return 1 + max([*self._library.get_vocab(with_added_tokens=True).values(), self.pad or 0])

    @property
    def around(self) -> int:
        """How many tokens are put around every text."""
        return self._library.num_special_tokens_to_add(False)

    def id_of(self, token: str) -> int | None:
        """Of a token as the file writes it."""
        return self._library.token_to_id(token)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """int64 [tokens] of each. Raises NotAText for the first that cannot be taken."""
        texts = [self._read(text) for text in texts]
        for place, text in enumerate(texts):
            try:
                check_text(text)
                _check_size(text)
            except NotAText as error:
                error.place = place
                raise
        # Also of one: it lets go of the interpreter's lock, and keeps no places of letters, as `encode` does.
        encodings = self._library.encode_batch_fast(texts)
        return [self._checked(encoding, place) for place, encoding in enumerate(encodings)]

    def _read(self, text: str) -> str:
        """Of a text that is to be cut no more than any may have."""
        if not self.truncate or self.most is None or not isinstance(text, str):
            return text
        return text[:MAX_CHARACTERS] if self._cuts_right else text[-MAX_CHARACTERS:]

    def _checked(self, encoding: Encoding, place: int) -> np.ndarray:
        ids = np.array(encoding.ids, np.int64)
        if self.most is not None and len(ids) > self.most:
            raise _refused(f"has {len(ids):,} tokens; at most {self.most:,} are taken", place, TooManyTokens)
        own = np.array(encoding.special_tokens_mask, bool)
        if own.all() or (self.pad is not None and bool((ids[~own] == self.pad).all())):
            raise _refused("holds nothing to read: it has no token of its own", place)
        if len(ids) >= self.least:
            return ids
        if self.pad is None:
            raise _refused(f"has {len(ids)} tokens; at least {self.least:,} are needed", place)
        return np.pad(ids, (0, self.least - len(ids)), constant_values=self.pad)

    def _padding(self) -> int | None:
        if self._said_padding is not None:
            return int(self._said_padding["pad_id"])
        found = map(self._library.token_to_id, PAD_TOKENS)
        return next((id for id in found if id is not None), None)


def read_text(data: bytes) -> str:
    """Of a file's or a request's bytes, UTF-8 with or without a mark in front. Raises NotAText."""
    try:
        return data.decode().removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotAText(f"is not UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}, in line {line:,}") from error


def check_text(text: Any) -> None:
    """Raises NotAText for what no tokenizer is given, whatever its length."""
    if not isinstance(text, str):
        raise NotAText(f"is {type(text).__name__}, not a string")
    if not text or text.isspace():
        raise NotAText("is empty")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = f"character {error.start:,} is half of a pair (U+{ord(text[error.start]):04X})"
        raise NotAText(f"is not Unicode: {found}") from error


def _check_size(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise NotAText(f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken")


def _library(content: str | bytes) -> Library:
    data = content.encode() if isinstance(content, str) else content
    try:
        if not isinstance(json.loads(data), dict):
            raise ValueError("a JSON object is expected")
        return Library.from_buffer(data)
    except Exception as error:  # the library raises Exception itself
        why = str(error).removeprefix("Cannot instantiate Tokenizer from buffer: ")
        raise NotATokenizer(f"is no tokenizer.json of Hugging Face's tokenizers: {why}") from error


def _refused(why: str, place: int, kind: type[NotAText] = NotAText) -> NotAText:
    error = kind(why)
    error.place = place
    return error
