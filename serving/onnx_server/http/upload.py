"""The file in a request's body, whichever way it was sent."""

import logging
from typing import Any

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from torchferry.serving.codec.predictions_json import check_type
from torchferry.serving.errors import NotDecodable

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # or clients could fill the log with their mistakes
FORM = "multipart/form-data"


def upload(body: bytes, content_type: str) -> bytes:
    """The body itself, or the only file or field of a form, or the one called data. Raises RequestError."""
    if content_type.partition(";")[0].strip().lower() == FORM:
        return _from_form(body, content_type)
    check_type(content_type)
    return body


def _from_form(body: bytes, content_type: str) -> bytes:
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise NotDecodable(f"the body is {FORM} without a boundary")
    parts: dict[str, bytes] = {}

    def on_field(field: Any) -> None:
        parts[field.field_name.decode(errors="replace")] = field.value or b""

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        parts[file.field_name.decode(errors="replace")] = file.file_object.read()
        file.close()

    try:
        # In memory: the body is there already, and the server may have no disk to write to.
        parser = FormParser(FORM, on_field, on_file, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": len(body) + 1})
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise NotDecodable(f"the body is not {FORM}: {error}") from error
    if len(parts) == 1:
        return next(iter(parts.values()))
    if "data" not in parts:
        taken = "one is taken, or the one called data; several inputs go as JSON"
        raise NotDecodable(f"the form has {len(parts)} parts; {taken}")
    return parts["data"]
