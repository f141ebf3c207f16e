"""Texts of requests to ids as the contract has them, and the errors that protocols have a status for."""

import dataclasses

import pytest

from tests.serving.encoded_bundles import MOST_TOKENS, TEXT, ids_of, tokenizer_file
from torchferry.contract.text import MAX_CHARACTERS
from torchferry.serving.bundle.tensor_spec import TextDecode
from torchferry.serving.codec.sample_cost import Cost
from torchferry.serving.codec.texts import TextDecoder
from torchferry.serving.errors import NotDecodable, TooLarge

DECODER = TextDecoder(TEXT, tokenizer_file().encode())
CUTS = TextDecoder(dataclasses.replace(TEXT, decode=TextDecode(truncate=True)), tokenizer_file().encode())
LONG = b"the " * (MOST_TOKENS + 1)


def test_a_text_becomes_the_ids_that_training_saw() -> None:
    ids, placement = DECODER.decode(b"\xef\xbb\xbfFree MONEY at noon")
    assert (ids.tolist(), placement) == (ids_of("free money at noon")[0].tolist(), None)


def test_a_longer_one_is_cut_or_refused_as_the_bundle_says() -> None:
    assert CUTS.decode(LONG)[0].tolist() == [4] * MOST_TOKENS
    with pytest.raises(TooLarge, match=r"^the text has 13 tokens; at most 12 are taken$"):
        DECODER.decode(LONG)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (b"", NotDecodable, "the text is empty"),
        (b" \n", NotDecodable, "the text is empty"),
        (b"caf\xe9", NotDecodable, "the text is not UTF-8: byte 0xe9 at 3"),
        (b"a" * (MAX_CHARACTERS + 1), TooLarge, f"characters; {MAX_CHARACTERS:,} are allowed"),
    ],
    ids=["empty", "blank", "latin-1", "very long"],
)
def test_what_cannot_be_taken_is_refused(text: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        DECODER.decode(text)


def test_what_a_text_takes_is_bounded_before_it_is_tokenized() -> None:
    assert DECODER.cost(b"abc") == Cost(3)
    assert DECODER.cost(LONG) == Cost(MOST_TOKENS)
    with pytest.raises(NotDecodable, match="not UTF-8"):
        DECODER.cost(b"\xff")
