"""Bodies for a model whose one input is a text: the text itself, a form's field, or a column of a CSV."""

import re
from urllib.parse import parse_qsl, unquote_plus

from torchferry.errors import some
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec, TextDecode
from torchferry.serving.codec.body_types import FILES, JSON, TABLES, URL_ENCODED, check_utf8, media_type
from torchferry.serving.codec.lines import read_lines
from torchferry.serving.errors import NotDecodable, UnsupportedType, WrongTensor

TEXT = "text"
"""What a text may be called in JSON, forms and tables, whatever the input's own name is."""
NAMES = (TEXT, "data", "body")
"""Fields of a form."""
FIELDS = 16
"""Of such a form, that are looked at."""
ENCODED = re.compile(rb"[A-Za-z0-9\-._~*+%]*%[0-9A-Fa-f]{2}[A-Za-z0-9\-._~*+%]*")
"""What has been percent-encoded, as curl does it for --data-urlencode: no blank is left."""
ASSUMED = "the body is taken for a percent-encoded text, as its type says; text/plain is taken as it is"

Texts = tuple[list[bytes], tuple[str, ...]]
"""UTF-8, and what was assumed of them, a line each."""


def text_input(bundle: Bundle) -> TensorSpec | None:
    """The only input, if it takes texts."""
    only = bundle.inputs[0]
    return only if len(bundle.inputs) == 1 and isinstance(only.decode, TextDecode) else None


def is_json(start: bytes, content_type: str) -> bool:
    """Whether a body that begins with `start` is read as JSON: its type says so, or it says nothing and begins so."""
    kind = media_type(content_type)
    return kind == JSON or (start in (b"{", b"[") and not kind.startswith("text/") and kind not in TABLES)


def texts_of_body(body: bytes, content_type: str, spec: TensorSpec, most: int) -> Texts:
    """Of a body that is no JSON; one text, but for a table, which has a text in each line. Raises RequestError."""
    kind = media_type(content_type)
    if kind.startswith(FILES):
        raise UnsupportedType(f"the body is {kind[:100]}; '{spec.name}' takes a text, as text/plain or in JSON")
    check_utf8(content_type)
    if kind in TABLES:
        return _of_column(body, spec, most)
    if kind != URL_ENCODED:
        return [body], ()
    if body.partition(b"=")[0].decode(errors="replace") in (spec.name, *NAMES):
        return [_field(body, spec)], ()
    if ENCODED.fullmatch(body):
        return [unquote_plus(body.decode()).encode()], (ASSUMED,)
    return [body], ()


def _field(body: bytes, spec: TensorSpec) -> bytes:
    """The form's only one. Raises NotDecodable."""
    try:
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError as error:
        raise NotDecodable(f"the body is a form of more than {FIELDS} fields; it has one, '{spec.name}'") from error
    if len(pairs) != 1:
        names = some([name.decode(errors="replace")[:50] for name, _ in pairs])
        way = "a text as it is goes as text/plain"
        raise NotDecodable(f"the body is a form with the fields {names}; it takes one, the text; {way}")
    return pairs[0][1]


def _of_column(body: bytes, spec: TensorSpec, most: int) -> Texts:
    """Raises NotDecodable, TooLarge, WrongTensor."""
    names = (spec.name, TEXT)
    lines = read_lines(body, (), names, most + 1)
    first = lines.first if lines.cells else []
    found = next((name for name in names if name in first), None)
    if found is None:
        hint = did_you_mean(TEXT, first, f"it has {some(first) or 'no line'}")
        raise WrongTensor(f"line 1 names no column '{TEXT}'{hint}; a text alone goes as text/plain")
    place, rows = first.index(found), lines.behind_first
    if not rows.cells:
        raise WrongTensor("line 1 names the column, and no line follows it")
    for row, cells in enumerate(rows.cells):
        if len(cells) != len(first):
            raise WrongTensor(f"{rows.place(row)}: has {len(cells)} cells; {len(first)} are expected: {some(first)}")
    others = [name for name in first if name != found]
    left_out = (f"columns that the model does not read are left out: {some(others)}",) if others else ()
    return [cells[place].encode() for cells in rows.cells], left_out
