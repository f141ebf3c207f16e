"""speechmos says how good speech sounds, as people would rate it."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.serving.others.replaced import Replace, Session
from tests.serving.others.samples import voice

RATE = 16_000


def dnsmos() -> Any:
    import speechmos
    from speechmos.dnsmos import DNSMOS

    package = Path(speechmos.__file__).parent
    return DNSMOS(str(package / "dnsmos_models/sig_bak_ovr.onnx"), str(package / "dnsmos_models/model_v8.onnx"))


def p808(replace: Replace) -> Any:
    """One number, of the spectrum."""
    found = dnsmos()
    found.p808_onnx_sess = Session(found.p808_onnx_sess, replace)
    return found(voice(RATE), RATE, False)


def plcmos(replace: Replace) -> Any:
    """One number, of a spectrum and of who listens: 15 listeners are drawn."""
    from speechmos.plcmos import PLCMOS

    found = PLCMOS()
    found.session = Session(found.session, replace)
    np.random.seed(0)
    return found(voice(RATE)[: 4 * RATE])
