"""basic-pitch writes music down: of each window of sound the notes, their onsets and their contours."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.serving.others.replaced import Replace, Session
from tests.serving.others.samples import notes, song


def example(replace: Replace) -> Any:
    import basic_pitch
    from basic_pitch.inference import Model, predict

    model = Model(Path(basic_pitch.__file__).parent / "saved_models/icassp_2022/nmp.onnx")
    model.model = Session(model.model, replace)
    outputs, _, events = predict(song(), model)
    for name, values in notes().items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-4, rtol=0)  # as its own test has it
    return outputs, [list(map(np.asarray, event[:4])) for event in events]
