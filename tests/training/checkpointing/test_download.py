"""A run goes on from the newest whole checkpoint of store and disk; what is of no use is named and passed over."""

from dataclasses import replace
from pathlib import Path

import pytest

from torchferry.errors import StoreError, UserError
from torchferry.files import sha256
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.download import download_best, download_newest, resumed
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.errors import RunFailed
from torchferry.training.progress import Progress


@pytest.fixture
def stored(tmp_path: Path) -> RemoteRun:
    """In a store that is a folder."""
    return RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits", attempt=1)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "digits"
    (folder / "checkpoints").mkdir(parents=True)
    return folder


def write(folder: Path, step: int, **files: str) -> Path:
    """A whole checkpoint on the disk."""
    path = folder / checkpoint.name_of(step)
    path.mkdir(parents=True)
    checkpoint.write_state(path, Progress(step=step), "{}")
    for name, text in {"weights": f"of step {step}", **files}.items():
        (path / name.replace("_", ".")).write_text(text)
    checkpoint.write_checksums(path, {file.name: sha256(file) for file in sorted(path.iterdir())})
    return path


def store(stored: RemoteRun, folder: Path, step: int, *, whole: bool = True, **files: str) -> str:
    """Upload a checkpoint; its name there."""
    written, there = write(folder / "elsewhere", step, **files), stored.next_checkpoint(step)
    for file in sorted(written.iterdir()):
        if file.name != "checksums.json":
            there.put(file, file.name)
    if whole:
        there.complete((written / "checksums.json").read_text())
    return there.name.rpartition("/")[2]


def damage(stored: RemoteRun, name: str) -> None:
    stored.store.write(f"{stored.checkpoint(name).name}/weights", b"of another")


def names(run_dir: Path) -> list[str]:
    return sorted(path.name for path in (run_dir / "checkpoints").iterdir())


def test_a_run_without_a_checkpoint_begins_anew(stored: RemoteRun, run_dir: Path, alone: RankInfo) -> None:
    assert download_newest(stored, run_dir, alone, keep=2) is None
    assert not names(run_dir)


def test_the_newest_is_fetched_whole_with_the_runs_files(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    store(stored, tmp_path, 10)
    store(stored, tmp_path, 20, config_yaml="name: digits\n", metrics_jsonl="{}\n")
    found = download_newest(stored, run_dir, alone, keep=2)
    assert found == run_dir / "checkpoints" / "step-00000020"
    assert checkpoint.read_progress(found) == Progress(step=20)
    assert names(run_dir) == ["step-00000020"]
    assert (run_dir / "config.yaml").read_text() == "name: digits\n"
    assert (run_dir / "metrics.jsonl").read_text() == "{}\n"


@pytest.mark.parametrize(("there", "expected"), [("a\nb\n", "a\nb\n"), ("a", "a\n"), ("", "a\n"), ("b\na\n", "a\n")])
def test_a_file_of_the_run_that_goes_on_from_the_saved_one_stays(
    there: str, expected: str, stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    store(stored, tmp_path, 10, metrics_jsonl="a\n")
    (run_dir / "metrics.jsonl").write_text(there)
    download_newest(stored, run_dir, alone, keep=2)
    assert (run_dir / "metrics.jsonl").read_text() == expected
    assert not list(run_dir.glob(".*"))


def test_one_that_is_damaged_is_named_and_the_one_before_it_taken(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    stored_names = [store(stored, tmp_path, step) for step in (10, 20)]
    cut = store(stored, tmp_path, 30, whole=False)
    damage(stored, stored_names[1])
    assert download_newest(stored, run_dir, alone, keep=2) == run_dir / "checkpoints" / "step-00000010"
    assert stored.passed == {cut, stored_names[1]}
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(f"{cut}: is not a complete checkpoint; trying the checkpoint before it")
    assert second.endswith(
        f"{stored_names[1]}/weights: is damaged (its checksum differs); trying the checkpoint before it"
    )
    assert names(run_dir) == ["step-00000010"]


def test_if_all_are_damaged_the_run_is_left_alone(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    damage(stored, store(stored, tmp_path, 10))
    with pytest.raises(UserError, match=f"^{stored.url}/checkpoints: holds no whole checkpoint; remove it, or"):
        download_newest(stored, run_dir, alone, keep=2)


def test_uploads_that_were_never_finished_are_no_damage(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    store(stored, tmp_path, 10, whole=False)
    assert download_newest(stored, run_dir, alone, keep=2) is None


def test_what_lies_on_the_disk_already_is_not_fetched(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    there = stored.checkpoint(store(stored, tmp_path, 10))
    here = write(run_dir / "checkpoints", 10)
    stored.store.remove(f"{there.name}/weights")
    assert download_newest(stored, run_dir, alone, keep=2) == here
    assert checkpoint.read_progress(here).step == 10


def test_what_a_disk_alone_has_is_taken_if_it_is_newer_and_whole(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    store(stored, tmp_path, 10)
    here = [write(run_dir / "checkpoints", step) for step in (20, 30)]
    (here[1] / "weights").write_text("of another")
    assert download_newest(stored, run_dir, alone, keep=9) == here[0]
    assert f"{here[1]}/weights: is damaged" in capsys.readouterr().err


def test_one_of_the_disk_under_the_same_name_gives_way_to_the_stores(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    """As another attempt's, which had gone another way."""
    store(stored, tmp_path, 10, weights="of this run")
    write(run_dir / "checkpoints", 10)
    found = download_newest(stored, run_dir, alone, keep=2)
    assert found is not None
    assert (found / "weights").read_text() == "of this run"
    assert names(run_dir) == ["step-00000010"]


def test_what_a_kill_left_goes_and_a_name_comes_back(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    store(stored, tmp_path, 10)
    write(run_dir / "checkpoints", 20).rename(run_dir / "checkpoints" / ".step-00000020.replaced")
    (run_dir / "checkpoints" / ".step-00000010.0123").mkdir()
    assert download_newest(stored, run_dir, alone, keep=2) == run_dir / "checkpoints" / "step-00000020"
    assert names(run_dir) == ["step-00000020"]


def test_old_ones_leave_the_disk(stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo) -> None:
    for step in (1, 2, 3):
        write(run_dir / "checkpoints", step)
    store(stored, tmp_path, 10)
    download_newest(stored, run_dir, alone, keep=2)
    assert names(run_dir) == ["step-00000003", "step-00000010"]


def test_the_best_is_asked_for_by_its_step(stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo) -> None:
    for step in (10, 20, 30):
        store(stored, tmp_path, step)
    assert download_best(stored, run_dir, alone, keep=2, step=20) == run_dir / "checkpoints" / "step-00000020"
    assert download_best(stored, run_dir, alone, keep=2, step=25) is None


def test_one_rank_of_a_node_works_for_all_of_it(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    store(stored, tmp_path, 10)
    assert download_newest(stored, run_dir, replace(alone, local_rank=1), keep=2) is not None
    assert not names(run_dir)


class Failing(RemoteRun):
    def checkpoints(self) -> dict[str, bool]:
        raise StoreError(0, "no route to it", self.url)


def test_a_store_that_fails_ends_the_run_so_that_it_may_be_tried_again(
    stored: RemoteRun, run_dir: Path, alone: RankInfo
) -> None:
    failing = Failing(stored.store, "digits")
    with pytest.raises(RunFailed) as ended:
        download_newest(failing, run_dir, alone, keep=2)
    assert str(ended.value) == f"{stored.url}: no route to it; the same command tries again"


def test_a_store_that_cannot_be_written_is_refused(run_dir: Path, tmp_path: Path, alone: RankInfo) -> None:
    (tmp_path / "store").touch()
    stored = RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits")
    with pytest.raises(UserError, match=f"^checkpoint.store: cannot write {stored.url}/.writable: "):
        download_newest(stored, run_dir, alone, keep=2)


def test_another_runs_is_there_until_the_run_has_begun(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    for step in (10, 20):
        store(stored, tmp_path, step)
    left = write(run_dir / ".resumed/checkpoints", 30)  # of a killed attempt, from elsewhere
    with resumed(stored, None, run_dir, alone) as found:
        assert found == run_dir / ".resumed/checkpoints/step-00000020"
        assert checkpoint.read_progress(found).step == 20
        assert not left.exists()
    assert not (run_dir / ".resumed").exists()
    assert not names(run_dir)


def test_nothing_is_left_of_another_runs_where_it_is_refused(
    stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    store(stored, tmp_path, 10)
    with pytest.raises(UserError, match="another"), resumed(stored, None, run_dir, alone):
        raise UserError("it is another's")
    assert not (run_dir / ".resumed").exists()
    damage(stored, next(iter(stored.checkpoints())))
    with (
        pytest.raises(UserError, match=f"^resume: {stored.url} holds no whole checkpoint"),
        resumed(RemoteRun(stored.store, "digits"), None, run_dir, alone),
    ):
        pass
    assert not (run_dir / ".resumed").exists()


@pytest.mark.parametrize("own", ["on the disk", "in the store", "no other"])
def test_another_runs_is_not_fetched_where_the_run_has_its_own(
    own: str, stored: RemoteRun, run_dir: Path, tmp_path: Path, alone: RankInfo
) -> None:
    store(stored, tmp_path, 10)
    if own == "on the disk":
        write(run_dir / "checkpoints", 5)
    downloaded = tmp_path / "step-00000005" if own == "in the store" else None
    with resumed(None if own == "no other" else stored, downloaded, run_dir, alone) as found:
        assert found is None
