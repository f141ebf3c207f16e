"""A rendered folder is whole or absent, and never takes the place of what somebody else wrote."""

from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.training.render.folder import MARK, put

OURS = {"kustomization.yaml": f"{MARK}, for the run a:\n", "run/recipe.yaml": "name: a\n"}


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_it_holds_exactly_these_files_each_time(tmp_path: Path) -> None:
    put(tmp_path / "new" / "run", OURS | {"components/gpu.yaml": "old"})
    put(tmp_path / "new" / "run", OURS)
    assert files(tmp_path) == {f"new/run/{name}": text for name, text in OURS.items()}


def test_one_of_before_there_was_a_command_is_replaced(tmp_path: Path) -> None:
    put(tmp_path / "run", {"kustomization.yaml": "# Written by `python -m training render`, for the run a:\n"})
    put(tmp_path / "run", OURS)
    assert files(tmp_path / "run") == OURS


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    put(tmp_path / "run", OURS)
    assert files(tmp_path / "run") == OURS


def test_a_relative_place_counts_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    put(Path("../run/."), OURS)
    assert files(tmp_path / "run") == OURS


@pytest.mark.parametrize(
    "foreign",
    [
        {"run/kustomization.yaml": "resources: []\n"},
        {"run/kustomization.yaml": f"---\n{MARK}\n"},
        {"run/notes.txt": MARK},
        {"run": MARK},
    ],
)
def test_what_is_not_from_here_is_refused_and_left(foreign: dict[str, str], tmp_path: Path) -> None:
    for name, text in foreign.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="run: is there already, and not from here; give another with -o, or move it"):
        put(tmp_path / "run", OURS)
    assert files(tmp_path) == foreign


def test_what_cannot_be_written_leaves_the_old_one_and_no_rest(tmp_path: Path) -> None:
    put(tmp_path / "run", OURS)
    with pytest.raises(UserError, match=r"run: cannot be written \(File name too long\); give another with -o"):
        put(tmp_path / "run", OURS | {"x" * 300: ""})
    assert files(tmp_path) == {f"run/{name}": text for name, text in OURS.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_old_one_is_back_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "run", OURS)
    rename, target = Path.rename, tmp_path / "run"

    def refused(path: Path, to: Path) -> Path:
        if to == target and not path.name.endswith(".replaced"):
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(UserError, match=r"run: cannot be written \(Permission denied\)"):
        put(target, OURS | {"run/recipe.yaml": "name: b\n"})
    assert files(tmp_path) == {f"run/{name}": text for name, text in OURS.items()}
