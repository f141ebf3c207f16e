"""nudenet finds parts of people in a picture, faces among them: YOLOv8, with its overlapping boxes dropped outside."""

from typing import Any

from tests.serving.others.replaced import Replace, Session
from tests.serving.others.samples import portrait


def example(replace: Replace) -> Any:
    from nudenet import NudeDetector

    found = NudeDetector()
    found.onnx_session = Session(found.onnx_session, replace)
    return found.detect(str(portrait()))
