"""Texts to ids within limits, and what is refused of texts and of tokenizers."""

import json
from typing import Any

import numpy as np
import pytest

from tests.torchferry.contract.tokenizers_made import SENTENCES, bpe_file
from torchferry.contract.text import (
    MAX_CHARACTERS,
    NotAText,
    NotATokenizer,
    Tokenizer,
    TooManyTokens,
    read_text,
)

FILE, AROUND = bpe_file(), bpe_file(around=True)


def test_one_text_has_the_same_ids_alone_and_among_others() -> None:
    tokenizer = Tokenizer(FILE)
    together = tokenizer.encode(SENTENCES)
    assert len({len(ids) for ids in together}) > 1  # none is padded to another's length
    for text, ids in zip(SENTENCES, together, strict=True):
        assert ids.dtype == np.int64
        assert np.array_equal(tokenizer.encode([text])[0], ids)
    assert tokenizer.encode([]) == []


def test_limits_and_padding_of_the_file_do_not_count() -> None:
    said = json.loads(AROUND)
    said["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    fixed = {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None}
    said["padding"] = fixed | {"pad_id": 2, "pad_type_id": 0, "pad_token": "[SEP]"}
    tokenizer = Tokenizer(json.dumps(said))
    assert tokenizer.pad == 2  # which token it is, the file says
    assert tokenizer.content == Tokenizer(AROUND).content
    assert np.array_equal(tokenizer.encode(SENTENCES[:1])[0], Tokenizer(AROUND).encode(SENTENCES[:1])[0])


def test_long_texts_are_cut_inside_their_special_tokens_or_refused() -> None:
    whole = Tokenizer(AROUND).encode([SENTENCES[0]])[0]
    cut = Tokenizer(AROUND, most=5, truncate=True).encode([SENTENCES[0]])[0]
    assert cut.tolist() == [*whole[:4].tolist(), whole[-1]]
    with pytest.raises(TooManyTokens, match=f"has {len(whole)} tokens; at most 5 are taken"):
        Tokenizer(AROUND, most=5).encode([SENTENCES[0]])


def test_a_file_that_cuts_at_the_left_goes_on_to_do_so() -> None:
    said = json.loads(FILE) | {
        "truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    }
    whole = Tokenizer(FILE).encode([SENTENCES[0]])[0]
    cut = Tokenizer(json.dumps(said), most=3, truncate=True).encode([SENTENCES[0]])[0]
    assert cut.tolist() == whole[-3:].tolist()


def test_of_a_very_long_text_the_rest_is_not_read_where_it_would_be_cut() -> None:
    text = "ab" * MAX_CHARACTERS
    right = Tokenizer(FILE, most=3, truncate=True)
    assert np.array_equal(right.encode([text])[0], right.encode([text[:99]])[0])
    said = json.loads(FILE) | {"truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst"}}
    said["truncation"]["stride"] = 0
    left = Tokenizer(json.dumps(said), most=3, truncate=True)
    assert np.array_equal(left.encode([text])[0], left.encode([text[-99:]])[0])


def test_short_texts_are_padded_to_the_least_length() -> None:
    assert Tokenizer(FILE, least=4).encode(["a"])[0][1:].tolist() == [0, 0, 0]
    with pytest.raises(NotAText, match="has 1 tokens; at least 4 are needed"):
        Tokenizer(bpe_file(pad=False), least=4).encode(["a"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("[PAD][PAD]", "holds nothing to read"),
        ("ab\ud800c", "is not Unicode: character 2 is half of a pair"),
        ("a" * (MAX_CHARACTERS + 1), "has 250,001 characters; at most 250,000 are taken"),
        (b"bytes", "is bytes, not a string"),
        (None, "is NoneType, not a string"),
    ],
    ids=["empty", "spaces", "padding alone", "half a pair", "very long", "bytes", "none"],
)
@pytest.mark.parametrize("file", [FILE, AROUND], ids=["bare", "around"])
def test_a_text_that_cannot_be_taken_is_refused_with_its_place(file: str, text: Any, why: str) -> None:
    with pytest.raises(NotAText, match=why) as caught:
        Tokenizer(file).encode(["good", text])
    assert caught.value.place == 1


def test_a_text_without_a_token_of_its_own_is_refused() -> None:
    said = json.loads(AROUND) | {"normalizer": {"type": "Replace", "pattern": {"String": "x"}, "content": ""}}
    with pytest.raises(NotAText, match="no token of its own"):
        Tokenizer(json.dumps(said)).encode(["xx"])


@pytest.mark.parametrize("content", ["", "{}", "[]", "nonsense", '{"model": {"type": "BPE"}}', b"\xff\xfe\x00"])
def test_what_is_no_tokenizer_is_refused(content: str | bytes) -> None:
    with pytest.raises(NotATokenizer, match=r"is no tokenizer\.json of Hugging Face's tokenizers: "):
        Tokenizer(content)


def test_a_limit_without_room_for_the_tokens_around_is_refused() -> None:
    with pytest.raises(NotATokenizer, match="puts 2 tokens around a text, so that 2 tokens are too few"):
        Tokenizer(AROUND, most=2, truncate=True)


def test_how_many_rows_an_embedding_needs() -> None:
    assert Tokenizer(FILE).rows == 1 + max(json.loads(FILE)["model"]["vocab"].values())
    assert Tokenizer(FILE, pad=1000).rows == 1001
    assert Tokenizer(FILE).id_of("[SEP]") == 2
    assert Tokenizer(bpe_file(pad=False)).pad is None


def test_bytes_are_utf_8_with_or_without_a_mark() -> None:
    assert read_text("\ufeffnaïve".encode()) == read_text("naïve".encode()) == "naïve"
    with pytest.raises(NotAText, match="is not UTF-8: byte 0xef at 5, in line 2"):
        read_text(b"ab\nna\xefve")
