"""A function, named by its import path, that loads a table; scikit-learn's may have to download it."""

import warnings
from pathlib import Path
from typing import Any

from sklearn.datasets import get_data_home

from torchferry.errors import UserError
from torchferry.training.data.folder_lock import exclusive
from torchferry.training.data.imported import imported

WHAT = "data.source.args.loader"


def load(loader: dict[str, Any]) -> Any:
    """What the function gives. One process after the other calls a `fetch_` function, so that one downloads."""
    if not str(loader.get("name")).startswith("sklearn.datasets.fetch_"):
        return imported(loader, WHAT)
    home = (loader.get("args") or {}).get("data_home")
    folder = Path(get_data_home(home))
    try:
        with exclusive(folder), warnings.catch_warnings(action="ignore"):  # it warns of every try
            return imported(loader, WHAT)
    except UserError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        todo = f"put its files there or name another folder in {WHAT}.args.data_home"
        raise UserError(f"{folder}: has no copy, and none can be downloaded; {todo}; {error}") from error
