"""rapidocr reads text in pictures, by PP-OCR's three networks: where text is, which way up, and what it says."""

from typing import Any

from tests.serving.others.replaced import Replace, Session
from tests.serving.others.samples import page


def _read(part: str, text: str, replace: Replace) -> Any:
    """`part`: of its pipeline, the one whose session is replaced."""
    from rapidocr_onnxruntime import RapidOCR

    found = RapidOCR()
    sessions = {"det": found.text_det.infer, "cls": found.text_cls.infer, "rec": found.text_rec.session}
    sessions[part].session = Session(sessions[part].session, replace)
    lines, _ = found(page(text, (736, 736), 48))
    assert lines
    assert lines[0][1].replace(" ", "") == text.replace(" ", "")
    return lines


def detection(replace: Replace) -> Any:
    return _read("det", "Hello World", replace)


def direction(replace: Replace) -> Any:
    return _read("cls", "Hello World", replace)


def recognition(replace: Replace) -> Any:
    """A short line: longer ones make the network's picture wider."""
    return _read("rec", "Hello", replace)
