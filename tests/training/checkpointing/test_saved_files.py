"""Small files of checkpoints and runs are read where they lie."""

from pathlib import Path

import pytest

from torchferry.errors import Missing, StoreError, StoreRefused
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.checkpointing.saved_files import SavedFiles, in_store, on_disk


def contents(saved: SavedFiles) -> list[bytes | None]:
    return [saved.read("state.json"), saved.config(), saved.card()]


def test_on_the_disk_they_are_in_the_run_folder(tmp_path: Path) -> None:
    for step in (8, 123_456_789):
        (tmp_path / "checkpoints" / f"step-{step:08d}").mkdir(parents=True)
    newest, older = on_disk(tmp_path / "checkpoints")
    assert (newest.step, older.step) == (123_456_789, 8)
    assert newest.where == str(tmp_path / "checkpoints/step-123456789")
    assert contents(newest) == [None, None, None]
    (tmp_path / "checkpoints/step-123456789/state.json").write_text("{}")
    (tmp_path / "config.yaml").write_text("a: 1")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.yaml").write_text("b: 2")
    assert contents(newest) == [b"{}", b"a: 1", b"b: 2"]
    assert older.read("state.json") is None


def test_one_that_a_kill_left_under_another_name_counts_last(tmp_path: Path) -> None:
    for name in (".step-00000009.replaced", ".step-00000010.unfinished", "step-00000003"):
        (tmp_path / name).mkdir()
    assert [Path(each.where).name for each in on_disk(tmp_path)] == ["step-00000003", ".step-00000009.replaced"]


def test_in_a_store_they_are_in_the_checkpoint_and_the_results(url: str, tmp_path: Path) -> None:
    stored = RemoteRun(ObjectStore(url), "digits", attempt=1)
    assert in_store(None, "resume") == in_store(stored, "resume") == []
    for number in (1, 2):
        name = f"step-00000009.1.{number}"
        stored.store.write(f"digits/checkpoints/{name}/config.yaml", b"a: %d" % number)
        stored.store.write(f"digits/checkpoints/{name}/state.json", b"{}")
    stored.checkpoint("step-00000009.1.1").complete("{}")
    (found,) = in_store(stored, "resume")
    assert (found.step, found.where) == (9, f"{url}/digits/checkpoints/step-00000009.1.1")
    assert contents(found) == [b"{}", b"a: 1", None]
    (tmp_path / "run/model").mkdir(parents=True)
    (tmp_path / "run/model/model.yaml").write_text("b: 2")
    stored.put_results(tmp_path / "run")
    assert contents(found) == [b"{}", b"a: 1", b"b: 2"]


@pytest.mark.parametrize(("raised", "kind"), [(StoreError, StoreError), (StoreRefused, StoreRefused), (Missing, None)])
def test_what_a_store_refuses_is_said_with_the_key_that_names_it(
    raised: type[StoreError], kind: type[StoreError] | None, tmp_path: Path
) -> None:
    class Failing(RemoteRun):
        def checkpoints(self) -> dict[str, bool]:
            raise raised(0, "says no", self.url)

    failing = Failing(ObjectStore(f"file://{tmp_path}/store"), "digits")
    if kind is None:
        assert in_store(failing, "resume") == []
        return
    with pytest.raises(StoreError, match=f"^resume: cannot read {failing.url}: says no") as refused:
        in_store(failing, "resume")
    assert type(refused.value) is kind
