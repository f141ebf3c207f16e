"""A run in an object store: the order, retention and completeness of its checkpoints and results."""

import json
from pathlib import Path

import pytest

from torchferry.errors import Missing, StoreError, StoreRefused, UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.remote_run import RemoteRun, order, step_of


@pytest.fixture
def stored(tmp_path: Path) -> RemoteRun:
    """A run in a store that is a folder."""
    return RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits")


def put(stored: RemoteRun, name: str, whole: bool = True) -> None:
    stored.store.write(f"digits/checkpoints/{name}/__0_0.distcp", b"")
    if whole:
        stored.checkpoint(name).complete("{}")


@pytest.mark.parametrize("end", ["", "/", "/checkpoints", "/checkpoints/", "/checkpoints/step-00000009.10.2"])
def test_a_url_names_a_run_its_checkpoints_or_one_of_them(end: str, stored: RemoteRun) -> None:
    for name in ("step-00000009.10.2", "step-00000012.10.3"):
        put(stored, name)
    found = RemoteRun.at(stored.url + end)
    assert (found.url, found.name) == (stored.url, "digits")
    newest = "step-00000009.10.2" if "step" in end else "step-00000012.10.3"
    assert next(iter(found.checkpoints())) == newest


def test_checkpoints_are_ordered_by_step_then_attempt_then_save(stored: RemoteRun) -> None:
    names = ["step-00000009.10.2", "step-00000009.9.11", "step-00000009.9.2", "step-00000003.11.1"]
    for name in reversed(names):
        put(stored, name, whole=name != names[1])
    put(stored, "step-5")
    put(stored, "notes")
    assert list(stored.checkpoints().items()) == [(name, name != names[1]) for name in names]


def test_a_checkpoints_name_says_where_it_stands() -> None:
    assert (order("step-00000009.10.2"), step_of("step-00000009.10.2")) == ((9, 10, 2), 9)
    assert step_of("step-123456789.1.1") == 123456789
    assert order("step-00000009") == ()


def test_no_two_saves_share_a_folder(stored: RemoteRun) -> None:
    stored.attempt = 7
    names = [stored.next_checkpoint(5).name for _ in range(2)]
    assert names == ["digits/checkpoints/step-00000005.7.1", "digits/checkpoints/step-00000005.7.2"]


def test_the_newest_and_the_best_stay_and_another_attempt_is_left_alone(stored: RemoteRun) -> None:
    for name in ("step-00000010.1.1", "step-00000015.1.2", "step-00000020.1.3", "step-00000020.2.1"):
        put(stored, name)
    put(stored, "step-00000018.1.3", whole=False)
    put(stored, "step-00000030.1.4", whole=False)  # of an attempt that is still uploading
    stored.prune("step-00000020.2.1", 1, best_step=10)
    assert list(stored.checkpoints()) == ["step-00000030.1.4", "step-00000020.2.1", "step-00000010.1.1"]
    # And when that one prunes.
    stored.checkpoint("step-00000030.1.4").complete("{}")
    stored.prune("step-00000030.1.4", 1, best_step=10)
    assert list(stored.checkpoints()) == ["step-00000030.1.4", "step-00000010.1.1"]


def test_a_checkpoint_outlives_newer_ones_that_are_of_no_use(stored: RemoteRun) -> None:
    for name in ("step-00000010.1.1", "step-00000020.1.2", "step-00000012.2.1"):
        put(stored, name)
    stored.passed.add("step-00000020.1.2")
    stored.prune("step-00000012.2.1", 1, best_step=-1)
    assert list(stored.checkpoints()) == ["step-00000012.2.1"]
    # An attempt that stands behind another keeps what it has saved, too.
    put(stored, "step-00000014.1.9")
    stored.prune("step-00000012.2.1", 1, best_step=14)
    assert list(stored.checkpoints()) == ["step-00000014.1.9", "step-00000012.2.1"]


def finished(run_dir: Path, step: int) -> Path:
    """What a run leaves in its folder."""
    for name in ("config.yaml", "curves.png", "model/model.yaml", "trace-0.json", "checkpoints/latest", ".left/x"):
        (run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (run_dir / name).write_text(f"step: {step}\n")
    return run_dir


def test_results_are_the_run_folder_without_checkpoints_and_traces(stored: RemoteRun, tmp_path: Path) -> None:
    assert (stored.results(), stored.finished_at()) == (None, None)
    stored.put_results(finished(tmp_path / "digits", 30))
    results = stored.results()
    assert results is not None
    assert set(json.loads(results.checksums() or "")) == {"config.yaml", "curves.png", "model/model.yaml"}
    assert stored.finished_at() == 30


def test_results_of_an_earlier_attempt_go_and_those_of_a_later_one_stay(stored: RemoteRun, tmp_path: Path) -> None:
    for attempt in (11, 12, 11):
        stored.attempt = attempt
        stored.put_results(finished(tmp_path / f"{attempt}", attempt))
    assert stored.finished_at() == 12
    assert {name.split("/")[0] for name in stored.store.paths("digits/results")} == {"11", "12"}
    stored.attempt = 13
    stored.put_results(finished(tmp_path / "13", 13))
    assert {name.split("/")[0] for name in stored.store.paths("digits/results")} == {"13"}


def test_results_that_are_not_complete_do_not_count(stored: RemoteRun) -> None:
    stored.store.write("digits/results/5/model/model.yaml", b"step: 30")
    assert (stored.results(), stored.finished_at()) == (None, None)


@pytest.mark.parametrize("name", ["model/model.yaml", "curves.png", "checksums.json"])
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_damaged_results_are_named_and_written_again(
    name: str, how: str, stored: RemoteRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stored.attempt = 11
    stored.put_results(finished(tmp_path / "digits", 30))
    if how == "changed":
        stored.store.write(f"digits/results/11/{name}", b"[1, 2]\n")
    else:
        stored.store.remove(f"digits/results/11/{name}")
    assert stored.finished_at() is None
    assert stored.finished_at() is None
    said = capfd.readouterr().err
    if (name, how) != ("checksums.json", "gone"):  # without it they were never complete
        assert f"results/11/{name}: is " in said
        assert said.count("these results do not count") == 1
    stored.attempt = 12
    stored.put_results(tmp_path / "digits")
    assert stored.finished_at() == 30
    assert {each.split("/")[0] for each in stored.store.paths("digits/results")} == {"12"}


class Refusing(ObjectStore):
    """Whatever is written meets this."""

    error: StoreError

    def write(self, *_: object) -> None:
        raise self.error


@pytest.mark.parametrize("kind", [StoreRefused, Missing])
def test_a_store_that_refuses_is_the_users_to_change(kind: type[StoreError], tmp_path: Path) -> None:
    store = Refusing(f"file://{tmp_path}")
    store.error = kind(0, "it says no", "s3://runs/digits")
    with pytest.raises(UserError, match=r"checkpoint\.store: cannot write s3://runs/digits: it says no"):
        RemoteRun(store, "digits").check()


def test_a_store_that_is_out_of_reach_may_be_tried_again(tmp_path: Path) -> None:
    store = Refusing(f"file://{tmp_path}")
    store.error = StoreError(0, "not now", "s3://runs/digits")
    with pytest.raises(StoreError, match="not now"):
        RemoteRun(store, "digits").check()


def test_a_store_that_can_be_written_is_left_as_it_was(stored: RemoteRun) -> None:
    stored.check()
    assert stored.store.paths("digits") == []
