"""The type that a client says its body has, and those that are taken."""

from email.message import Message

from torchferry.serving.errors import UnsupportedType

JSON, FORM, URL_ENCODED = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"
TABLES = ("text/csv", "application/csv", "text/tab-separated-values")
# Those that curl and browsers send of themselves say nothing; what the body is shows in its first bytes.
TAKEN = ("application/octet-stream", JSON, URL_ENCODED, "text/plain", *TABLES, "application/ogg")
FILES = ("image/", "audio/")
UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")


def check_type(content_type: str) -> None:
    """Raises UnsupportedType for a body that no model can be asked with."""
    kind = media_type(content_type)
    if kind and kind not in TAKEN and not kind.startswith(FILES):
        of_files = ", ".join(f"{each}*" for each in FILES)
        raise UnsupportedType(f"the body is {kind[:100]}; {of_files}, {FORM}, {', '.join(TAKEN)} are taken")


def media_type(content_type: str) -> str:
    """In small letters, without what follows it."""
    return content_type.partition(";")[0].strip().lower()


def check_utf8(content_type: str) -> None:
    """Raises UnsupportedType for a text that is said to be in another encoding."""
    if ";" not in content_type:
        return
    said = Message()
    said["content-type"] = content_type[:1000]
    charset = str(said.get_param("charset", UTF8[0]))
    if charset.lower() not in UTF8:
        raise UnsupportedType(f"the text's charset is {charset[:50]}; send it in UTF-8")
