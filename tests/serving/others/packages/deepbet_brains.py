"""deepbet cuts the brain out of a scan of a head, first in a small copy of it: a 3-D U-Net, traced."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.serving.others.replaced import Replace, answered, asked_of


def scan() -> Any:
    """A head of nibabel's own tests."""
    import nibabel

    return nibabel.load(Path(nibabel.__file__).parent / "tests/data/anatomical.nii")


def example(replace: Replace) -> Any:
    from deepbet import BrainExtraction

    found = BrainExtraction(no_gpu=True)
    found.bbox_model = answered(found.bbox_model, replace)
    _, mask, volume = found.run(scan())
    return np.asarray(mask.dataobj), float(volume)


def options(folder: Path) -> list[str]:
    """Two scans to be judged by: a batch of 64 random ones would take an hour."""
    (volume,) = asked_of(example)[0]
    np.savez(folder / "scans.npz", input=np.concatenate([volume, volume[:, :, ::-1]]))
    return ["--eval-data", str(folder / "scans.npz")]
