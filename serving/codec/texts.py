"""Texts in requests, UTF-8: tokenized by the contract, with the errors that each protocol has a status for."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from torchferry.contract.text import MAX_CHARACTERS, NotAText, NotATokenizer, Tokenizer, TooManyTokens, read_text
from torchferry.serving.bundle.tensor_spec import TensorSpec, TextDecode
from torchferry.serving.codec.sample_cost import Cost, most_elements
from torchferry.serving.errors import BundleError, NotDecodable, TooLarge


class TextDecoder:
    def __init__(self, spec: TensorSpec, tokenizer: bytes) -> None:
        """`tokenizer`: its file's bytes. Raises BundleError."""
        assert isinstance(spec.decode, TextDecode)
        (axis,) = spec.axes
        self.spec, self.most = spec, most_elements(spec)
        try:
            self.tokenizer = Tokenizer(
                tokenizer,
                least=axis.least,
                most=axis.most,
                truncate=spec.decode.truncate,
                pad=None if spec.pad is None else int(spec.pad),
            )
        except NotATokenizer as error:
            raise BundleError(f"{spec.decode.tokenizer}: {error}; export the bundle again") from error

    def cost(self, sample: bytes) -> Cost:
        """Raises NotDecodable and TooLarge."""
        self._text(sample)
        return Cost(min(self.most, len(sample) + self.tokenizer.around))

    def decode(self, sample: bytes) -> tuple[np.ndarray, None]:
        """int64 [tokens]. Raises NotDecodable and TooLarge."""
        with _refused():
            (ids,) = self.tokenizer.encode([self._text(sample)])
        return ids, None

    def _text(self, sample: bytes) -> str:
        with _refused():
            text = read_text(sample)
        if len(text) > MAX_CHARACTERS and not self.tokenizer.truncate:
            raise TooLarge(f"the text has {len(text):,} characters; {MAX_CHARACTERS:,} are allowed")
        return text


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except TooManyTokens as error:
        raise TooLarge(f"the text {error}") from error
    except NotAText as error:
        raise NotDecodable(f"the text {error}") from error
