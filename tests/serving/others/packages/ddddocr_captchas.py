"""ddddocr reads captchas, and finds where in them something is: YOLOX."""

import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from tests.serving.others.replaced import Replace, Session
from tests.serving.others.samples import page, portrait

PLACES = ((40, 60), (150, 200), (230, 90), (90, 290))


def _captcha() -> bytes:
    return _png(Image.fromarray(page("7hKq", (160, 64), 44)))


def _letters() -> bytes:
    """Four of them, in colours, here and there on a picture, as captchas are that want to be clicked at."""
    picture = Image.open(portrait()).convert("RGB").resize((344, 384))
    for letter, colour, place in zip("7hKq", ("white", "yellow", "red", "cyan"), PLACES, strict=True):
        ImageDraw.Draw(picture).text(place, letter, colour, ImageFont.load_default(40))
    return _png(picture)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def detection(replace: Replace) -> Any:
    from ddddocr.core.detection_engine import DetectionEngine

    found = DetectionEngine()
    found.session = Session(found.session, replace)
    boxes = found.predict(_letters())
    assert boxes
    return boxes


def reading(replace: Replace) -> Any:
    from ddddocr import DdddOcr

    found = DdddOcr(show_ad=False, old=True)
    engine = found.ocr_engine
    engine.session = Session(engine.session, replace)
    return found.classification(_captcha())
