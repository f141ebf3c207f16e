"""Finds what a request's body holds for a model: the body itself, or a part of a form."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from torchferry.serving.codec.body_types import FORM, check_type, media_type
from torchferry.serving.errors import NotDecodable

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # or clients could fill the log with their mistakes
MAX_PARTS = 16
"""Of a form; those that have a meaning are three."""
BODIES = ("data", "body")
"""Over gRPC, either is what TorchServe's own handlers read."""
PARAMETERS = ("top_k", "target")
"""Parts of a form that say how it is to be answered."""


@dataclass(frozen=True)
class Upload:
    body: bytes
    parameters: Mapping[str, bytes] = field(default_factory=dict)
    """Of a form, by name; elsewhere they are headers."""
    content_type: str = ""
    """What the client says of the body; of a form's part nothing."""


def upload(body: bytes, content_type: str) -> Upload:
    """The body itself, or the only file or field of a form. Raises RequestError."""
    if media_type(content_type) == FORM:
        return _from_form(body, content_type)
    check_type(content_type)
    return Upload(body, content_type=content_type)


def the_body(parts: Mapping[str, bytes]) -> Upload:
    """Of a form's parts, by name, none of which is left out. Raises NotDecodable where there is not one."""
    parameters = {name: parts[name] for name in PARAMETERS if name in parts}
    names = [name for name in parts if name not in PARAMETERS]
    if len(names) != 1:
        said = " and ".join(sorted(names))[:200] or "no part"
        raise NotDecodable(f"the form has {said} for the model; it takes one part; several inputs go as JSON")
    return Upload(parts[names[0]], parameters)


def the_input(parts: Mapping[str, bytes], parameters: Sequence[str] = PARAMETERS) -> bytes:
    """The body among the parts of a call over gRPC, of which nothing is left out. Raises NotDecodable."""
    names = [name for name in parts if name not in parameters]
    if len(names) != 1 or names[0] not in BODIES:
        said, may = ", ".join(sorted(names))[:200] or "nothing", " and ".join(parameters)
        raise NotDecodable(f"the input has {said}; it has one of {' and '.join(BODIES)}, and may have {may}")
    return parts[names[0]]


def _from_form(body: bytes, content_type: str) -> Upload:
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise NotDecodable(f"the body is {FORM} without a boundary")
    parts: dict[str, bytes] = {}

    def keep(name: bytes, content: bytes) -> None:
        known = name.decode(errors="replace")
        if known in parts:
            raise NotDecodable(f"the form has more than one part called '{known[:100]}'; one is taken")
        if len(parts) == MAX_PARTS:
            raise NotDecodable(f"the form has more than {MAX_PARTS} parts")
        parts[known] = content

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        keep(file.field_name or b"", file.file_object.read())
        file.close()

    try:
        # In memory: the body is there already, and the server may have no disk to write to.
        parser = FormParser(
            FORM,
            lambda field: keep(field.field_name or b"", field.value or b""),
            on_file,
            boundary=boundary,
            config={"MAX_MEMORY_FILE_SIZE": len(body) + 1},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise NotDecodable(f"the body is not {FORM}: {error}") from error
    # At the start of a line: a file may hold the boundary's letters elsewhere.
    if (b"\r\n" + body).partition(b"\r\n--" + boundary + b"--")[2].strip():
        raise NotDecodable(f"the body has bytes behind the end of its {FORM}")
    return the_body(parts)
