"""`scaling`: the same share for each process, and the efficiency within each round."""

from pathlib import Path

import pytest

from tests.benchmarks.training.given import options
from torchferry.benchmarks.training import scaling
from torchferry.benchmarks.training.workload import Workload
from torchferry.errors import UserError


class Trainers:
    """A machine that gets slower from run to run."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int, int, int]] = []
        self.speed = {"ours": 100.0, "bare": 200.0}

    def measure(self, name: str, work: Workload) -> dict[str, float]:
        self.done.append((name, work.processes, work.batch_size, work.threads))
        slower = 0.5 ** ((len(self.done) - 1) // 4)
        share = 1.0 if work.processes == 1 else 0.75
        return {"samples_per_second": self.speed[name] * work.processes * share * slower, "first_loss": 2.0}


def test_each_process_has_the_same_share_and_threads(tmp_path: Path) -> None:
    trainers, given = Trainers(), options(tmp_path, ["--rounds", "1", "--batch-size", "8", "--threads", "3"])
    given.scratch.mkdir()
    scaling.measure(given, "digits", {"bare": lambda work, _: trainers.measure("bare", work)})
    assert trainers.done == [("bare", 1, 8, 3), ("bare", 2, 16, 3)]


def test_the_efficiency_is_of_one_round(tmp_path: Path) -> None:
    trainers, given = Trainers(), options(tmp_path, ["--rounds", "2", "--threads", "1"])
    given.scratch.mkdir()
    found = scaling.measure(
        given,
        "digits",
        {
            "ours": lambda work, _: trainers.measure("ours", work),
            "bare": lambda work, _: trainers.measure("bare", work),
        },
    )
    assert [(one.trainer, one.processes) for one in found] == [("ours", 1), ("ours", 2), ("bare", 1), ("bare", 2)]
    assert [one.rounds for one in found] == [[100, 50], [150, 75], [200, 100], [300, 150]]
    assert [one.samples_per_second for one in found] == [75, 112.5, 150, 225]
    assert [str(one.efficiency) for one in found] == ["1.000 [1.000, 1.000]", "0.750 [0.750, 0.750]"] * 2
    _, first, *_ = scaling.table(found).splitlines()
    assert " ".join(first.split()) == "digits ours 1 75 1.000 [1.000, 1.000] 2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--processes", "2"), "--processes: begins with 2; 1 has to be the first, to compare with"),
        (("--processes", "1", "--trainers", "mine"), "--trainers: there is no 'mine'"),
        (("--processes", "1", "--rounds", "0"), "--rounds: 0 is too small"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        scaling.main(["--scratch", str(tmp_path / "scratch"), *change])
    assert str(refused.value).startswith(words)
