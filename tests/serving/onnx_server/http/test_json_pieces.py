"""Pieces are, together, the JSON of the whole."""

from typing import Any

import orjson
import pytest

from torchferry.serving.onnx_server.http.json_pieces import MARK, list_of, object_of

PART: dict[str, Any] = {"a": [1, {}], 'b"}': None}


@pytest.mark.parametrize("parts", [[], [{}], [PART], [{}, PART, {}, {"c": "é]"}], [PART, {"": 0.5}, {}]])
def test_an_object_has_what_its_parts_have(parts: list[dict[str, Any]]) -> None:
    whole = {key: value for part in parts for key, value in part.items()}
    assert b"".join(object_of(parts)) == orjson.dumps(whole)


@pytest.mark.parametrize("items", [[], [{}], [1, [2], {"three": None}, "]"]])
def test_a_list_has_its_items(items: list[Any]) -> None:
    assert b"".join(list_of(items)) == orjson.dumps(items)


def test_nothing_else_in_json_looks_like_the_mark() -> None:
    assert orjson.dumps(["\0", orjson.Fragment(MARK)]).split(MARK) == [b'["\\u0000",', b"]"]
