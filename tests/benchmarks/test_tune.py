"""`tune`: the strategy on landscapes that are known, and the real thing on the digits bundle."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import record
from benchmarks.tune import trial
from benchmarks.tune.climb import highest
from benchmarks.tune.command import results
from benchmarks.tune.evidence import Evidence, Probe
from benchmarks.tune.point import Point
from benchmarks.tune.search import CannotRun, Search
from benchmarks.tune.space import delays, divisions, grid, variants
from benchmarks.tune.trial import Trials, within
from benchmarks.tune.winner import check_settings, write_settings
from serving import bundle as bundles
from serving.client import RestClient
from serving.errors import UserError
from tests.benchmarks.report.parsed import report as made_report
from tests.benchmarks.report.written import measurement
from tests.benchmarks.test_servers import left_with
from tests.conftest import ROOT, Server, run_command, wait_until

LIMIT = 50.0
POINT = Point(variant="onnx-fp32", workers=2, threads=1, batch=8, delay_ms=2.0)
STARTING, SCREENING, PROBING = 1.5, 2.0, 6.0  # seconds of a real server


def space(names: tuple[str, ...] = ("fp32", "int8")) -> list[Point]:
    """Of two cores, in an order that means nothing."""
    return [
        Point(variant=name, workers=workers, threads=threads, batch=batch, delay_ms=delay)
        for name, (workers, threads), batch in product(names, [(1, 1), (1, 2), (2, 1)], (1, 4, 8, 32))
        for delay in delays("onnx", batch, LIMIT)
    ]


class Landscape:
    """Servers of which each point's highest rate is known; time is what real ones would have taken."""

    def __init__(self, rate: Callable[[Point], float], under_way: int = 96) -> None:
        self.rate, self.under_way = rate, under_way
        self.seconds, self.probes = 0.0, 0
        self.point = POINT

    @contextmanager
    def at(self, point: Point) -> Iterator["Landscape"]:
        self.seconds += STARTING
        self.point = point
        if not self.rate(point):
            raise CannotRun("it does not start")
        yield self

    def capacity(self) -> tuple[float, int]:
        self.seconds += SCREENING
        return 1.15 * self.rate(replace(self.point, delay_ms=0)), self.under_way

    def probe(self, rate: float) -> Probe:
        self.seconds += PROBING
        self.probes += 1
        over = rate / self.rate(self.point)
        holds, saturated = over <= 1, over > 1.15
        return Probe(
            rate=rate,
            holds=holds,
            p99_ms=LIMIT * over**4,
            achieved=rate / max(1, over),
            saturated=saturated,
            errors=0,
            void=None,
        )


def searched(landscape: Landscape, points: list[Point], *, exhaustive: bool = False) -> Search:
    search = Search(landscape, Evidence(points, lambda _: None), LIMIT, 0.05)
    search.exhaustive() if exhaustive else search.tune()
    return search


def of_cores(point: Point) -> float:
    """A small model: a second session helps, a second thread hinders, batches and int8 help, a delay costs."""
    cores = {(1, 1): 1.0, (1, 2): 0.8, (2, 1): 1.7}[point.workers, point.threads]
    batch = {1: 1.0, 4: 1.8, 8: 2.2, 32: 2.4}[point.batch]
    return 1000 * cores * batch * (1.6 if point.variant == "int8" else 1) * (1 - point.delay_ms / 60)


def of_one_call(point: Point) -> float:
    """A large model: nothing but both cores at work matters, and large batches come too late."""
    cores = {(1, 1): 0.55, (1, 2): 1.0, (2, 1): 1.06}[point.workers, point.threads]
    late = {1: 1.0, 4: 0.97, 8: 0.8, 32: 0.8}[point.batch]
    return 50 * cores * late * (0.9 if point.variant == "int8" else 1) * (1 - point.delay_ms / 25)


def of_a_delay(point: Point) -> float:
    """As TorchServe can be: batches are worth nothing until requests wait for each other."""
    gathered = 1 + 0.04 * point.delay_ms if point.batch > 1 else 1
    return of_cores(replace(point, delay_ms=0)) * gathered


def of_no_difference(point: Point) -> float:
    return 700 + len(str(point)) % 7


LANDSCAPES = [of_cores, of_one_call, of_a_delay, of_no_difference]


@pytest.mark.parametrize("names", [("fp32",), ("fp32", "int8")], ids=["one variant", "two"])
@pytest.mark.parametrize("rate", LANDSCAPES, ids=[made.__name__ for made in LANDSCAPES])
def test_it_finds_what_the_grid_finds_in_a_quarter_of_its_time(
    rate: Callable[[Point], float], names: tuple[str, ...]
) -> None:
    tuned, whole = Landscape(rate), Landscape(rate)
    found, known = searched(tuned, space(names)).best, searched(whole, space(names), exhaustive=True).best
    assert found
    assert known
    assert rate(found.point) >= rate(known.point) / 1.05
    assert tuned.probes <= whole.probes / 4, (tuned.probes, whole.probes)
    assert tuned.seconds <= whole.seconds / 4, (tuned.seconds, whole.seconds)


def test_every_point_says_what_became_of_it() -> None:
    search = searched(Landscape(of_cores), space())
    entries = search.evidence.entries.values()
    assert {entry.verdict for entry in entries} == {"measured", "pruned", "skipped"}
    assert all(entry.why for entry in entries)
    assert all(entry.probes for entry in entries if entry.verdict == "measured")
    assert not any(entry.probes or entry.capacity for entry in entries if entry.verdict == "skipped")
    rates = [step.rate for step in search.evidence.course]
    assert rates == sorted(rates)
    assert search.best
    assert len(search.best.confirmed) >= 2


def test_a_batch_that_nothing_fills_is_not_tried() -> None:
    search = searched(Landscape(of_cores, under_way=5), space(("fp32",)))
    whys = {entry.point.batch: entry.why for entry in search.evidence.entries.values() if entry.verdict == "skipped"}
    assert whys[32] == "as batch 8: no more than 5 are under way"


def test_what_does_not_start_fails_alone() -> None:
    def rate(point: Point) -> float:
        return 0 if (point.workers, point.batch) == (2, 32) else of_cores(point)

    search = searched(Landscape(rate), space())
    assert search.best
    assert (search.best.point.workers, search.best.point.batch) == (2, 8)
    whys = {entry.why for entry in search.evidence.entries.values() if entry.point.batch == 32}
    assert {"it does not start", "it failed with a shorter delay"} <= whys
    nothing = searched(Landscape(lambda _: 0), space())
    assert nothing.best is None


def test_a_machine_that_gets_slower_does_not_decide() -> None:
    """The first would win by the speed that the machine had when it was measured."""

    class Slowing(Landscape):
        def probe(self, rate: float) -> Probe:
            return super().probe(rate if self.probes < 6 else 1.2 * rate)

    search = searched(Slowing(of_one_call), space())
    assert search.best
    assert of_one_call(search.best.point) >= 0.95 * max(map(of_one_call, space()))
    assert max(search.best.confirmed) < 50


@pytest.mark.parametrize("first", [1, 60, 99, 101, 200, 1000])
def test_a_search_finds_the_highest_rate_from_anywhere(first: float) -> None:
    asked: list[float] = []
    found = highest(lambda rate: asked.append(rate) or rate <= 100, first, 0.05)  # type: ignore[func-returns-value]
    assert 95 <= found <= 100
    assert len(asked) <= 16
    assert highest(lambda _: False, first, 0.05) == 0


def test_the_grid_has_what_the_cores_and_the_runtime_allow(bundle: Path) -> None:
    assert list(divisions("onnx", 2)) == [(1, 1), (1, 2), (2, 1)]
    assert set(divisions("onnx", 6)) >= {(1, 6), (6, 1), (2, 2), (1, 4)}
    assert all(sessions * threads <= 6 for sessions, threads in divisions("onnx", 6))
    assert list(divisions("torchserve", 3)) == [(1, 3), (2, 1), (3, 1)]
    assert delays("onnx", 1, 50) == [0]
    assert delays("onnx", 8, 50) == [0, 2, 5]
    assert delays("torchserve", 8, 14) == [1, 2]
    loaded = bundles.load(bundle)
    assert variants(loaded, "onnx", None) == ["onnx-fp32"]
    assert variants(loaded, "torchserve", None) == ["torch", "onnx-fp32"]
    points = grid(loaded, "onnx", ["onnx-fp32"], 2, 50)
    assert len(points) == len(set(points)) == 3 * (1 + 3 * 3)
    with pytest.raises(UserError, match=r"--variants: .* has no accepted 'torch' for onnx, only onnx-fp32"):
        variants(loaded, "onnx", "torch")


def test_a_late_generator_is_no_excuse_and_no_fault() -> None:
    good = measurement(50, void="the generator itself was 9.0 ms late at p99")
    assert within(good, 1000)
    assert not within(good, 0.1)
    assert not within(replace(good, errors=1), 1000)
    assert not within(replace(good, requests=0), 1000)
    assert not within(replace(good, saturated=True), 1000)


def test_the_settings_are_toml_with_a_line_for_each_command(tmp_path: Path) -> None:
    path, about = tmp_path / "tuned.toml", ["p99 <= 50 ms up to 900 requests/s"]
    write_settings(path, "onnx", POINT, Path("runs/digits/bundle"), about)
    up = {"variant": "onnx-fp32", "sessions": 2, "threads": 1, "max_batch": 8, "max_delay_ms": 2}
    assert tomllib.loads(path.read_text()) == {"up": up}
    assert f"\n#     python -m serving up --runtime onnx runs/digits/bundle --settings {path}\n" in path.read_text()
    assert "\n# p99 <= 50 ms up to 900 requests/s\n" in path.read_text()
    check_settings(path)
    write_settings(path, "torchserve", POINT, Path("runs/digits/bundle"), about)
    assert tomllib.loads(path.read_text())["archive"] == {
        "variants": "onnx-fp32",
        "workers": 2,
        "batch_size": 8,
        "batch_delay_ms": 2,
    }
    assert f"python -m serving archive runs/digits/bundle --settings {path} -o STORE" in path.read_text()
    path.write_text("[up]\n")
    with pytest.raises(UserError, match=r"--settings-output: .*tuned\.toml exists and was not written by this"):
        check_settings(path)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--p99-ms", 0), "--p99-ms: 0.0 is too small"),
        (("--p99-ms", 50, "--resolution", 0), "--resolution: 0.0 is too small"),
        (("--p99-ms", 50, "--variants", "onnx-int4"), "has no accepted 'onnx-int4' for onnx, only onnx-fp32"),
        (("--p99-ms", 50, "--cpus", ",".join(map(str, os.sched_getaffinity(0)))), "--cpus: leaves no core"),
        (("--p99-ms", 50, "--settings-output", "nowhere/x"), "--settings-output: nowhere is not a folder"),
    ],
)
def test_bad_options_are_refused_in_one_line(bundle: Path, words: tuple[object, ...], says: str) -> None:
    done = run_command("-m", "benchmarks", "tune", bundle, *words)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def quick(bundle: Path, folder: Path) -> list[str]:
    """The command for a server on one core, which leaves few points."""
    words = ["tune", bundle, "--p99-ms", 500, "--cpus", min(os.sched_getaffinity(0)), "--resolution", 0.5]
    words += ["--seconds", 0.4, "--warmup", 0, "--settings-output", folder / "tuned.toml", "-o", folder / "tune.json"]
    return ["-m", "benchmarks", *map(str, words)]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the generator and the server need a core each")
def test_the_settings_that_win_start_the_server(bundle: Path, tmp_path: Path) -> None:
    done = run_command(*quick(bundle, tmp_path))
    assert done.returncode == 0, done.stderr
    content: Any = json.loads((tmp_path / "tune.json").read_text())
    found = content["results"]
    assert sum(found["counts"].values()) == len(found["points"])
    assert found["counts"]["measured"] >= 1
    assert found["counts"]["untried"] == 0
    assert found["rate"]["low"] <= found["rate"]["median"] <= found["rate"]["high"]
    assert found["winner"]["name"] in done.stdout.splitlines()[-2]
    assert content["figures"]["requests/s at p99 <= 500 ms"]["better"] == "higher"
    up = tomllib.loads((tmp_path / "tuned.toml").read_text())["up"]
    server = Server(bundle, folder=tmp_path, runtime="onnx", options=("--settings", tmp_path / "tuned.toml"))
    try:
        addresses = server.wait_ready()
        log = server.log.read_text()
        assert f"(onnx-fp32)\n  digits: {up['sessions']} x {up['threads']} threads" in log
        assert f"up to {up['max_batch']} samples together" in log
        inputs, outputs = bundles.load(bundle).golden()
        with RestClient(addresses["rest"], 30) as client:
            answered = client.infer("digits", inputs)
        np.testing.assert_allclose(answered["probabilities"], outputs["probabilities"], atol=1e-4)
    finally:
        server.stop()
    page = made_report(tmp_path, tmp_path / "tune.json")
    assert len(page.table("Every point")) == 1 + len(found["points"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the generator and the server need a core each")
def test_a_signal_leaves_the_evidence_and_no_server(bundle: Path, tmp_path: Path, number: int, code: int) -> None:
    environment = os.environ | {"TUNED_BY": str(tmp_path)}
    with (tmp_path / "seen").open("w") as seen:
        command = [sys.executable, *quick(bundle, tmp_path)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=seen, env=environment)
        wait_until(lambda: "at most" in (tmp_path / "seen").read_text())
        process.send_signal(number)
        assert process.wait(60) == code
    found = json.loads((tmp_path / "tune.json").read_text())["results"]
    assert found["interrupted"] == code
    assert any(point["capacity"] for point in found["points"])
    assert found["counts"]["untried"] >= 1
    assert "PARTIAL: no settings are written" in (tmp_path / "seen").read_text()
    assert not (tmp_path / "tuned.toml").exists()
    # One that was just being started ends with its parent, by the kernel's signal.
    wait_until(lambda: not left_with("TUNED_BY", str(tmp_path)), 20)


def test_torchserve_is_measured_at_a_point(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trial.WARMUP, "torchserve", 0.5)
    sending = {"arrivals": "poisson", "warmup": 0, "seconds": 1, "processes": None, "cpus": (), "timeout": 30}
    options = Namespace(runtime="torchserve", p99_ms=500, **sending)
    with Trials(bundles.load(bundle), options, (), tmp_path).at(POINT) as running:
        rate, connections = running.capacity()
        assert rate > 0
        assert 2 <= connections <= 96
        probe = running.probe(5)
    assert (probe.rate, probe.errors) == (5, 0)
    assert probe.p99_ms > 0


def a_tune(folder: Path, interrupted: int | None = None) -> Path:
    """A result of the strategy on a known landscape, as the command writes it."""
    search = searched(Landscape(of_a_delay), space())
    options = Namespace(p99_ms=LIMIT, runtime="onnx", grid=False, bundle=Path("runs/digits/bundle"))
    options.output = output = folder / "tune.json"
    record.write("tune", options, results(search, options, 2, interrupted), {})
    return output


def test_the_report_shows_the_course_and_every_point(tmp_path: Path) -> None:
    page = made_report(tmp_path, a_tune(tmp_path))
    assert "Tuning for digits by onnx" in [text for _, text in page.all("h2")]
    heads, *rows = page.table("Every point")
    assert len(rows) == len(space())
    assert heads[:4] == ["", "what became of it", "at most/s", "held/s"]
    assert {row[1] for row in rows} == {"measured", "pruned", "skipped"}
    course = page.table("The best rate until then")[1:]
    assert len(course) >= 2
    assert page.table("The highest rate of a point")[1][0] == course[-1][0]
    assert any(f"{course[-1][0]} keeps p99 within 50 ms on 2 cores up to" in text for _, text in page.all("p"))
    charts = [given for given, _ in page.all("svg") if given.get("aria-hidden") != "true"]
    assert len(charts) == 3
    assert len(page.table("What a point answers at most")) == 1 + 12
    assert all(course[-1][0] in (given["aria-label"] or "") for given in charts[:2])


def test_the_report_says_what_is_missing(tmp_path: Path) -> None:
    source = a_tune(tmp_path, interrupted=130)
    content = json.loads(source.read_text())
    content["results"] |= {"winner": None, "rate": None, "course": []}
    for point in content["results"]["points"]:
        point["rate"] = point["capacity"] = None
    source.write_text(json.dumps(content))
    page = made_report(tmp_path, source)
    assert any("Partial: it was interrupted. No settings were found that keep p99" in text for _, text in page.all("p"))
    assert not page.all("figure")
    content["results"]["points"][0] = 3
    source.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"tune\.json: is not as this version of torchferry writes it"):
        made_report(tmp_path, source)
