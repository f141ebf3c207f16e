"""A function named by its import path loads a table; scikit-learn's downloads go one after the other."""

import warnings
from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.table_loader import load

FETCH = "sklearn.datasets.fetch_california_housing"


def test_a_function_is_called_with_its_arguments() -> None:
    inputs, targets = load({"name": "sklearn.datasets.load_iris", "args": {"return_X_y": True}})
    assert (inputs.shape, targets.shape) == ((150, 4), (150,))
    assert load({"name": "tests.training.data.user_sets.single"}) == [1, 2]


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        ({}, ": {} is not {name: package.module.Name, args: {...}}"),
        ({"name": 3}, ": {'name': 3} is not {name: package.module.Name, args: {...}}"),
        ({"name": "sklearn.datasets.load_irs"}, ".name: cannot import 'sklearn.datasets.load_irs'"),
    ],
)
def test_what_names_no_function_is_refused(loader: dict[str, object], words: str) -> None:
    assert refusal(lambda: load(loader)).startswith(f"data.source.args.loader{words}")


def test_a_download_that_fails_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request._opener", None)  # it would keep the proxy, for other tests too
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    args = {"data_home": str(tmp_path / "home"), "n_retries": 1, "delay": 0.01}
    with warnings.catch_warnings(action="error"):
        found = refusal(lambda: load({"name": FETCH, "args": args}))
    assert found.startswith(
        f"{tmp_path}/home: has no copy, and none can be downloaded; put its files there or name another folder in "
        f"data.source.args.loader.args.data_home; data.source.args.loader: {FETCH} could not be built: URLError"
    )
    assert (tmp_path / "home" / ".download.lock").is_file()


def test_a_wrong_argument_of_a_download_is_no_missing_copy(tmp_path: Path) -> None:
    wrong = {"name": FETCH, "args": {"data_home": str(tmp_path), "colour": 1}}
    assert refusal(lambda: load(wrong)).startswith("data.source.args.loader.args.colour: unknown argument of ")


def test_the_folder_is_scikit_learns_own_unless_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "own"))
    loader = {"name": FETCH, "args": {"download_if_missing": False}}
    assert refusal(lambda: load(loader)).startswith(f"{tmp_path}/own: has no copy")
