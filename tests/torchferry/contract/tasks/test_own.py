"""Code of a task of the user's: imported where it is the same, loaded where that is allowed, refused otherwise."""

import hashlib
from pathlib import Path

import pytest

from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.own import ALLOW, ALLOWS, file_of, kind_of_file
from torchferry.errors import UserError

SOURCE = "from torchferry.contract.tasks.classes import Classification\n\n\nclass Mine(Classification):\n    pass\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "own_task_of_a_test.py"
    file.write_text(SOURCE)
    return file


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_ours_are_in_no_file_that_travels() -> None:
    assert file_of(Classification) is None


def test_the_same_module_here_is_imported(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOWS, raising=False)
    monkeypatch.syspath_prepend(file.parent)

    kind = kind_of_file("own_task_of_a_test.Mine", Path("elsewhere.py"), digest(file))

    assert file_of(kind) == file


def test_another_module_of_the_name_is_not_taken_for_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOWS, raising=False)
    monkeypatch.syspath_prepend(file.parent)

    with pytest.raises(UserError, match=f"no module own_task_of_a_test here is the same; read it, and {ALLOWS}="):
        kind_of_file("own_task_of_a_test.Mine", file, "0" * 64)


def test_a_package_is_not_imported_to_look_for_a_module_in_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOWS, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "package_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('was imported')\n")

    for name in ("package_of_a_test.mine.Mine", "package_of_a_test.Mine", "..Mine", "Mine"):
        with pytest.raises(UserError, match="is code that says"):
            kind_of_file(name, file, digest(file))


def test_it_runs_where_the_environment_allows_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWS, ALLOW)

    kind = kind_of_file("not_here.Mine", file, digest(file))

    assert issubclass(kind, Classification)
    assert f"{kind.__module__}.{kind.__qualname__}" == "not_here.Mine"


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("not_here.Yours", SOURCE, "has no task Yours"),
        ("not_here.Mine", "import nothing_of_this_name\n", "cannot be run: ModuleNotFoundError"),
        ("not_here.Mine", "Mine = 3\n", "has no task Mine"),
    ],
)
def test_a_file_without_the_task_is_told(
    file: Path, name: str, source: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOWS, ALLOW)
    file.write_text(source)

    with pytest.raises(UserError, match=told):
        kind_of_file(name, file, digest(file))
