"""`report`: what the page says, that it loads nothing, and how a browser shows it."""

import csv
import hashlib
import html
import itertools
import json
import re
import shutil
import subprocess
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from PIL import Image

from benchmarks import record
from benchmarks.interval import Interval, median_interval
from benchmarks.load.drift import Drift
from benchmarks.load.measurement import Measurement, figures
from benchmarks.load.window import Window
from benchmarks.record import Figure
from benchmarks.report.command import main
from benchmarks.report.page import STYLE
from benchmarks.report.scale import scale
from benchmarks.slo import Sustainable
from benchmarks.verdict import Verdict
from serving.errors import UserError
from tests.conftest import run_command

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\ud800"
ALONE = {"meta", "img", "br", "hr", "link", "input"}
SLOWER = 1.8  # from one rate to the next


def measurement(rate: float | None, **changes: Any) -> Measurement:
    """Of a server that gets slower with the rate: a long-tailed distribution, and half of the mean in inference."""
    spread = np.random.default_rng(3).gamma(2, 400, size=2000) * (1 + (rate or 50) / 200)
    histogram = HdrHistogram(1, 600_000_000, 3)
    for value in spread:
        histogram.record_value(int(value) + 200)
    percentiles = {f"p{p}": histogram.get_value_at_percentile(p) / 1000 for p in (50, 90, 99, 99.9)}
    mean = float(spread.mean()) / 1000
    window = Window(start=0, seconds=1, requests=50, errors=0, p50_ms=percentiles["p50"], p99_ms=percentiles["p99"])
    found = Measurement(
        model="digits",
        protocol="rest-binary",
        loop="closed" if rate is None else "open",
        offered_rate=rate,
        connections=4 if rate is None else None,
        achieved_rate=rate or 321.0,
        requests=2000,
        errors=0,
        outcomes={"ok": 2000},
        void=None,
        saturated=False,
        interrupted=None,
        percentiles_ms=percentiles,
        mean_ms=mean,
        max_ms=float(spread.max()) / 1000,
        stages_ms={"queue": mean / 8, "inference": mean / 2, "network and client": mean * 3 / 8},
        windows=[replace(window, start=float(at)) for at in range(20)],
        generator_lag_p99_ms=0.1,
        generator_cpu_cores=0.2,
        payload_bytes=223,
        answer_bytes=100,
        batch=1,
        server="torchferry 0.1.0",
        histogram=histogram.encode().decode(),
    )
    return replace(found, **changes)


def written(folder: Path, verb: str, results: object, found: dict[str, Figure], name: str = "", **given: Any) -> Path:
    path = folder / f"{name or verb}.json"
    record.write(verb, Namespace(output=path, **given), results, found)
    return path


def a_sweep(folder: Path, name: str = "sweep", **changes: Any) -> Path:
    loads = [measurement(50.0 * SLOWER**step, **changes) for step in range(5)]
    loads[3] = replace(loads[3], void="the generator itself was 9.0 ms late at p99")
    loads[4] = replace(loads[4], saturated=True, errors=12, outcomes={"ok": 1988, "HTTP 503": 12})
    found = {key: value for load in loads for key, value in figures(load, f" at {load.offered_rate:g}/s").items()}
    return written(folder, "sweep", [asdict(load) for load in loads], found, name)


def a_soak(folder: Path) -> Path:
    growing = Drift(first=100.0, last=160.0, per_hour=360.0, low=350.0, high=370.0)
    content = {
        "measurement": asdict(measurement(100)),
        "drifts": {"p50": None, "memory": asdict(growing)},
        "memory": {"seconds": [0.0, 5.0, 10.0], "bytes": [1e8, 1.3e8, 1.6e8]},
    }
    return written(folder, "soak", content, figures(measurement(100)))


def a_servers(folder: Path, name: str = "servers", server: str = "ours", **given: Any) -> Path:
    rounds = [{"p50 ms": 1.0, "p99 ms": 2.0, "answered/s": 900.0}, {"p50 ms": 1.2, "p99 ms": 2.5, "answered/s": 800.0}]
    medians = {key: asdict(median_interval([row[key] for row in rounds])) for key in rounds[0]}
    about = {"server": "x 1", "protocol": "rest-binary", "workers": 1, "threads": 1, "payload_bytes": 223}
    ratio = {"ours": {key: asdict(Interval(median=1.25, low=1.125, high=1.5)) for key in ("p50 ms", "answered/s")}}
    rows = [
        {"name": server, **about, "figures": medians, "to": {}, "rounds": rounds},
        {"name": "bare", **about, "server": None, "figures": medians, "to": ratio, "rounds": rounds},
    ]
    results = {"measured": rows, "missing": {"triton": "no wheel for this machine"}}
    arguments = {"bundle": Path("runs/digits/bundle"), "variant": "onnx-fp32"} | given
    return written(folder, "servers", results, {}, name, **arguments)


def everything(folder: Path) -> list[Path]:
    """A file of each verb."""
    probes = [[asdict(measurement(rate)) for rate in (50, 100, 75)]] * 2
    slo = Sustainable(p99_ms=50, rate=median_interval([74.0, 76.0]), repeats=[74.0, 76.0], probes=[], interrupted=None)
    verdict = Verdict(
        says="slower", pairs=7, ratio=Interval(median=1.5, low=1.25, high=2.0), confidence=0.995, worse_by=0.5
    )
    rates = {
        f"digits x {n}, {who}, samples/s": Figure(better="higher", values=[5000.0 * n, 5100.0 * n, 4900.0 * n])
        for n in (1, 2)
        for who in ("ours", "bare")
    }
    return [
        a_sweep(folder),
        a_sweep(folder, "other", server="torchserve 0.12.0", protocol="predictions"),
        a_sweep(folder, "again"),
        written(folder, "latency", asdict(measurement(None, model="closed")), {}),
        written(folder, "slo", asdict(slo) | {"probes": probes}, {}),
        a_soak(folder),
        a_servers(folder),
        *(written(folder, verb, [], rates) for verb in ("training", "scaling", "checkpoint")),
        written(folder, "compare", {"p50 ms": asdict(verdict)}, {}),
    ]


class Page(HTMLParser):
    """All elements in their order, each with its attributes and the text within."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[int] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in ALONE:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag, f"a stray </{tag}>"

    def handle_data(self, data: str) -> None:
        for index in self.open:
            self.elements[index][2].append(data)

    def all(self, *tags: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(text)) for tag, attributes, text in self.elements if tag in tags]

    def table(self, caption: str) -> list[list[str]]:
        """The cells of the first table whose caption begins so."""
        rows: list[list[str]] = []
        inside = False
        for tag, _, text in self.elements:
            if tag == "caption":
                if rows:
                    break
                inside = "".join(text).startswith(caption)
            elif inside and tag == "tr":
                rows.append([])
            elif inside and tag in ("th", "td"):
                rows[-1].append("".join(text))
        assert rows, f"there is no table '{caption}'"
        return rows


@pytest.fixture(scope="module")
def path(run: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    assert bundle.parent == run
    main([str(run), *map(str, everything(folder)), "-o", str(folder / "report.html")])
    return folder / "report.html"


@pytest.fixture(scope="module")
def page(path: Path) -> Page:
    return Page(path.read_text())


def report(folder: Path, *sources: Path) -> Page:
    main([*map(str, sources), "--output", str(folder / "made.html")])
    return Page((folder / "made.html").read_text())


def test_it_loads_nothing_and_runs_nothing(page: Page) -> None:
    assert not page.open, "an element is not closed"
    for tag, attributes, text in page.elements:
        assert tag not in ("script", "link", "iframe", "object", "base", "form"), tag
        for name, value in attributes.items():
            assert not name.startswith("on"), f"<{tag} {name}>"
            assert name != "style", f"<{tag} style>"
            if name in ("src", "href", "xlink:href", "srcset"):
                assert value
                assert value.startswith("#" if tag == "a" else "data:image/png;base64,"), value[:50]
        assert tag != "style" or not re.search(r"url\(|@import|http", "".join(text))
    (policy,) = [given["content"] for given, _ in page.all("meta") if given.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_every_part_can_be_reached_and_heard(page: Page) -> None:
    ids = Counter(given["id"] for _, given, _ in page.elements if "id" in given)
    assert max(ids.values()) == 1
    for given, _ in page.all("a"):
        assert given["href"] in {f"#{name}" for name in ids}
    for _, given, _ in page.elements:
        assert given.get("aria-labelledby") is None or given["aria-labelledby"] in ids
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    pictures = page.all("img")
    assert len(pictures) == 1
    assert all(len(given["alt"] or "") > 20 for given, _ in pictures)
    charts = [given for given, _ in page.all("svg") if given.get("aria-hidden") != "true"]
    assert len(charts) > 15
    assert all(given["role"] == "img" and len(given["aria-label"] or "") > 20 for given in charts)
    assert len(page.all("figure")) == len(page.all("figcaption")) == len(charts) + len(pictures) + 1  # the matrix
    assert all(given.get("scope") in ("row", "col") for given, _ in page.all("th"))
    assert len(page.all("table")) == len(page.all("caption"))
    scrolling = [given for given, _ in page.all("div") if given.get("class") == "scroll"]
    assert len(scrolling) == len(page.all("table")) + 1  # the samples, whose text is small
    for given in [*scrolling, *(given for given, _ in page.all("pre"))]:
        assert (given["tabindex"], given["role"], bool(given["aria-label"])) == ("0", "region", True)
    assert page.all("a")[0][0]["href"] == "#report"
    assert page.all("html")[0][0]["lang"] == "en"


def test_it_says_what_the_run_and_the_bundle_say(page: Page, run: Path, bundle: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    accuracy = [line["accuracy"] for line in lines if line["kind"] == "test"]
    assert page.table("Test accuracy")[-1][1] == f"{100 * accuracy[-1]:.2f} %"
    assert len(page.table("Loss")) == 1 + len({line["step"] for line in lines})
    assert len(page.table("Learning rate")) == 1 + sum(line["kind"] == "train" for line in lines)
    variants = json.loads((bundle / "model.json").read_text())["variants"]
    rows = {row[0]: row for row in page.table("Variants of digits")[1:]}
    assert rows.keys() == {"checkpoint", *variants}
    for name, variant in variants.items():
        assert rows[name][1] == "✓ accepted"
        assert rows[name][2] == f"{variant['bytes'] / 1000:,.0f}"
        assert rows[name][3] == f"{100 * variant['measured']['accuracy']:.2f} %"
    assert "batch_size: 64" in page.all("pre")[0][1]
    assert ("test accuracy", f"{100 * accuracy[-1]:.2f} %") in facts(page)
    assert page.table(f"{bundle}: exported with")


def test_the_confusion_matrix_is_the_runs(page: Page, run: Path) -> None:
    with (run / "confusion.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert page.table("Rows are the true labels") == [head, *rows]
    wrong = {(rows[i][0], head[j], rows[i][j]) for i in range(10) for j in range(1, 11) if i + 1 != j}
    mistakes = page.table("The most frequent mistakes")[1:]
    assert mistakes
    assert {tuple(row[:3]) for row in mistakes} <= wrong
    each = page.table("Each label of the test set")[1:]
    assert sum(int(row[1]) for row in each) == sum(int(count) for row in rows for count in row[1:]) == 360


def test_a_matrix_of_many_labels_is_a_list_of_mistakes(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", "bundle"))
    labels = [f"label {number}" for number in range(21)]
    counts = np.eye(21, dtype=int) * 5
    counts[3, 7] = 4
    lines = [
        ",".join(["true", *labels]),
        *(",".join([label, *map(str, row)]) for label, row in zip(labels, counts, strict=True)),
    ]
    (tmp_path / "run/confusion.csv").write_text("\n".join(lines))
    page = report(tmp_path, tmp_path / "run")
    assert page.table("The most frequent mistakes")[1:] == [["label 3", "label 7", "4", "44.44 %"]]
    assert not [given for given, _ in page.all("table") if given.get("class") == "matrix"]


def test_a_refused_and_a_skipped_variant_say_why(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    content = json.loads((copy / "model.json").read_text())
    content["variants"]["onnx-fp32"] |= {"status": "refused", "reason": "agrees on 12 % only"}
    content["skipped"]["aoti"] = "there is no compiler"
    sign(copy, content)
    page = report(tmp_path, copy)
    assert {row[0]: row[1] for row in page.table("Variants of")[2:]} == {
        "torch": "✓ accepted",
        "onnx-fp32": "✗ refused",
        "aoti": "skipped",
    }
    items = [text for _, text in page.all("li")]
    assert "onnx-fp32: agrees on 12 % only" in items
    assert "aoti: there is no compiler" in items
    assert ("variants accepted", "1 of 2") in facts(page)


def test_latency_against_the_rate_is_drawn_for_each_series(page: Page, tmp_path: Path) -> None:
    heads, *rows = page.table("Latency against rate, p99")
    # The same server twice is told apart by its file.
    assert heads[1].startswith("torchferry 0.1.0, digits, rest-binary, ")
    assert heads[1].endswith("sweep.json")
    assert heads[2] == "torchserve 0.12.0, digits, predictions"
    assert heads[3].endswith("again.json")
    cells = {row[0]: row[1:] for row in rows}
    assert cells["292"][0].endswith(" (void)")
    assert cells["525"][0].endswith(" (saturated)")
    assert cells["50"][0] == f"{measurement(50).percentiles_ms['p99']:.3g}"
    single = report(tmp_path, a_sweep(tmp_path, "single"))
    chart = next(given for given, _ in single.all("svg") if "p99 latency over" in (given.get("aria-label") or ""))
    drawn = elements_of(single, chart)
    assert [given["class"] for tag, given, _ in drawn if tag == "path" and given["class"] in ("cross", "hollow")] == [
        "cross",
        "hollow",
    ]
    (line,) = [given["d"] or "" for tag, given, _ in drawn if tag == "path" and given["class"] == "line"]
    assert line.count("L") == 3  # four points: none of them the void one
    loads = single.table("Every load")
    assert loads[4][-1] == "void: the generator itself was 9.0 ms late at p99"
    assert loads[5][-1] == "saturated; 12 × HTTP 503"


def test_percentiles_are_those_of_the_histogram(tmp_path: Path) -> None:
    found = measurement(50)
    page = report(tmp_path, written(tmp_path, "latency", asdict(found), {}))
    histogram = HdrHistogram.decode(found.histogram)
    rows = page.table("Percentiles")
    cells = {row[0]: row[1] for row in rows[1:]}
    assert [row[0] for row in rows[1:6]] == ["0 %", "50 %", "90 %", "95 %", "99 %"]
    assert cells["90 %"] == f"{found.percentiles_ms['p90']:.3g}"
    assert cells["99 %"] == f"{found.percentiles_ms['p99']:.3g}"
    assert rows[-1] == ["99.95 %", f"{histogram.get_max_value() / 1000:.3g}"]  # the slowest of 2,000
    stages = page.table("Where the time goes")
    assert stages[0][1:] == ["queue, ms", "inference, ms", "network and client, ms"]
    assert stages[1][1:] == [f"{value:.3g}" for value in found.stages_ms.values()]


def test_every_verb_has_its_part(page: Page) -> None:
    titles = [text for _, text in page.all("h2")]
    for words in ("Training digits", "Bundle digits", "Latency", "Soak of digits", "Servers with digits"):
        assert [title for title in titles if title.startswith(words)], words
    for words in ("Trainers beside", "Scaling to", "Saving and", "Faster or slower", "Environment"):
        assert [title for title in titles if title.startswith(words)], words
    assert [text for _, text in page.all("a")][1:] == titles
    assert page.table("Verdicts")[1] == ["p50 ms", "slower", "1.500 [1.250, 2.000]", "99.50 %", "7"]
    assert page.table("Compared with ours")[1][:2] == ["bare", "1.250 [1.125, 1.500]"]
    assert page.table("All figures")[1][0] == "digits x 1, ours, samples/s"
    assert page.table("Drift")[2][:3] == ["memory", "drifts", "100"]
    assert page.table("Sustainable rates")[1][1:] == ["50", "75 [74, 76]", "2"]
    assert page.table("Measured in ")[1][0] == "processor"
    assert any("triton is missing: no wheel" in text for _, text in page.all("p"))
    assert any("closed loop: hides" in row[-1] for row in page.table("Every load"))


def test_what_others_named_is_text(tmp_path: Path) -> None:
    odd = tmp_path / '<b>odd & "quoted"\''
    odd.mkdir()
    (odd / "x").mkdir()
    change = {"model": HOSTILE, "server": HOSTILE, "void": None}
    stages = {HOSTILE: 1.0, "rest": 2.0}
    sources = [
        a_sweep(odd, "<i>name<i>", **{key: change[key] for key in ("model", "server")}),
        written(odd, "latency", asdict(measurement(50, stages_ms=stages, outcomes={HOSTILE: 3})), {}),
        a_servers(odd, server=HOSTILE, variant=HOSTILE),
        written(odd, "training", [], {HOSTILE: Figure(better="lower", values=[1.0, 2.0])}),
        written(odd, "compare", {HOSTILE: {"says": HOSTILE, "ratio": None, "confidence": 0.5, "pairs": 1}}, {}),
        written(odd, HOSTILE, [], {}, "own"),
    ]
    main([*map(str, sources), "-o", str(odd / "made.html"), "--title", HOSTILE])
    page = Page((odd / "made.html").read_text())
    assert not page.open
    assert not page.all("script", "img", "i")
    assert HOSTILE.replace("\ud800", "?") in page.all("h1")[0][1]
    assert any("<i>name<i>" in text for _, text in page.all("caption"))
    for _, given, _ in page.elements:
        assert not [name for name in given if name.startswith("on")]


def test_it_is_the_same_twice(path: Path, run: Path, tmp_path: Path) -> None:
    sources = sorted(path.parent.glob("*.json"))
    for name in ("one.html", "two.html"):
        main([str(run), *map(str, sources), "-o", str(tmp_path / name)])
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    # Given twice, or once by itself and once within its run, it is shown once.
    main([str(run), str(run), str(run / "bundle"), "-o", str(tmp_path / "three.html")])
    titles = [text for _, text in Page((tmp_path / "three.html").read_text()).all("h2")]
    assert titles == ["Training digits", "Bundle digits 1.0", "Environment"]


def test_secrets_of_a_command_are_left_out(tmp_path: Path) -> None:
    source = written(tmp_path, "latency", asdict(measurement(50)), {})
    content = json.loads(source.read_text())
    headers = ["--header", "Authorization: Bearer s3cret", "--head=X-Key: s3cret"]
    content["command"] = ["latency", "https://me:s3cret@host/", *headers, "--model", "digits"]
    source.write_text(json.dumps(content))
    main([str(source), "-o", str(tmp_path / "made.html")])
    text = (tmp_path / "made.html").read_text()
    assert "s3cret" not in text
    assert "Authorization: …" in text
    assert "--model digits" in text


def test_a_result_without_a_good_answer_has_a_table_and_no_picture(tmp_path: Path) -> None:
    nothing = measurement(50, requests=10, errors=10, outcomes={"refused": 10}, mean_ms=float("nan"), histogram="")
    page = report(tmp_path, written(tmp_path, "latency", asdict(nothing), {}))
    assert page.table("Every load")[1][3:] == ["–", "–", "–", "–", "10", "10", "10 × refused"]
    assert not page.all("figure")


def test_a_training_that_went_on_says_each_step_once(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "long"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("checkpoints", "samples", "bundle*", "model-store"))
    line = json.loads((copy / "metrics.jsonl").read_text().splitlines()[0])
    steps = [line | {"step": step, "loss": 1 / (1 + step)} for step in range(1, 2001)]
    torn = [line | {"step": 2001, "loss": float("nan")}]
    again = [line | {"step": step, "loss": 0.5} for step in range(1850, 1950)]
    (copy / "metrics.jsonl").write_text("\n".join(map(json.dumps, steps + torn + again)))
    page = report(tmp_path, copy)
    rows = page.table("Loss (30 of 2001 points)")
    assert len(rows) == 31
    assert {row[0]: row[1] for row in rows}["2,001"] == "–"
    assert any(row[1] == "0.5" for row in rows)
    (chart,) = [
        given for given, _ in page.all("svg") if (given.get("aria-label") or "").startswith("Line chart of loss")
    ]
    drawn = elements_of(page, chart)
    assert next(given["d"] or "" for tag, given, _ in drawn if given.get("class") == "line").count("L") == 399


Break = Callable[[Path], Path]


def no_run(folder: Path) -> Path:
    return folder


def unfinished(folder: Path) -> Path:
    (folder / "metrics.jsonl").write_text("{}")
    return folder


def damaged_run(folder: Path) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "model.yaml").touch()
    (folder / "config.yaml").touch()
    (folder / "metrics.jsonl").write_text('{"kind": "train"\n')
    return folder


def damaged_matrix(folder: Path) -> Path:
    run = damaged_run(folder)
    (run / "metrics.jsonl").write_text("")
    (run / "confusion.csv").write_text("true,0,1\n0,5\n")
    return run


def damaged_bundle(folder: Path) -> Path:
    (folder / "model.json").write_text("{}")
    return folder


def no_json(folder: Path) -> Path:
    (folder / "text.json").write_text("hello")
    return folder / "text.json"


def other_content(folder: Path) -> Path:
    return written(folder, "sweep", [{"model": "digits"}], {})


def damaged_histogram(folder: Path) -> Path:
    return written(folder, "latency", asdict(measurement(50, histogram="HISTFAAA")), {})


def missing(folder: Path) -> Path:
    return folder / "nowhere"


def endless(folder: Path) -> Path:
    (folder / "link").symlink_to("link")
    return folder / "link"


def too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (no_run, "is neither a run folder (no metrics.jsonl) nor a bundle"),
        (unfinished, "is a run that has not finished"),
        (damaged_run, "metrics.jsonl: is not as this version"),
        (damaged_matrix, "confusion.csv: is not as this version"),
        (damaged_bundle, "model.json: cannot be read"),
        (no_json, "text.json: is no result that"),
        (other_content, "sweep.json: is not as this version"),
        (damaged_histogram, "latency.json: is not as this version"),
        (missing, "nowhere: does not exist"),
        (endless, "link: cannot be read"),
        (too_long, "x: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_no_file(broken: Break, words: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = broken(tmp_path / "in")
    with pytest.raises(UserError) as caught:
        main([str(source), "-o", str(tmp_path / "made.html")])
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_output_is_never_somebody_elses(tmp_path: Path) -> None:
    source = a_servers(tmp_path)
    before = hashlib.sha256(source.read_bytes()).digest()
    wrong = {source: "exists and is no report", tmp_path: "is a folder", tmp_path / "a" / "b": "is not a folder"}
    for output, words in wrong.items():
        with pytest.raises(UserError, match=words):
            main([str(source), "-o", str(output)])
    assert hashlib.sha256(source.read_bytes()).digest() == before
    main([str(source), "-o", str(tmp_path / "made.html")])
    main([str(source), "-o", str(tmp_path / "made.html"), "--title", "again"])  # a report of ours is made anew
    assert Page((tmp_path / "made.html").read_text()).all("h1")[0][1] == "again"
    assert {path.name for path in tmp_path.iterdir()} == {"servers.json", "made.html"}


def test_the_command_line(tmp_path: Path) -> None:
    done = run_command("-m", "benchmarks", "report", a_servers(tmp_path), "-o", tmp_path / "made.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert str(tmp_path / "made.html") in done.stdout
    done = run_command("-m", "benchmarks", "report", tmp_path / "nowhere", "-o", tmp_path / "other.html")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "values",
    [[0.0, 330.0], [0.875, 0.98], [3.0, 3.0], [0.0, 0.0], [-1.5, 2.5], [1e-7, 4e-3], [50, 525], [0.3, 90], [1, 1e9]],
)
@pytest.mark.parametrize("log", [False, True])
def test_an_axis_holds_its_values_between_a_few_ticks(values: list[float], log: bool) -> None:
    made = scale(values, 0, 100, log=log)
    assert made.log == (log and min(values) > 0)
    ticks = [value for value, _ in made.ticks]
    assert ticks == sorted(ticks)
    assert 2 <= len(ticks) <= 10
    assert len({text for _, text in made.ticks}) == len(ticks)
    assert (made.place(ticks[0]), round(made.place(ticks[-1]), 6)) == (0, 100)
    assert all(-1e-6 <= made.place(value) <= 100 + 1e-6 for value in values)


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_have_contrast(scheme: int) -> None:
    """WCAG 2.2: 4.5 to 1 for text, which the letters at the lines are too."""
    block = re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", block))
    assert colours.keys() >= {"page", "panel", "text", "soft", "link", "good", "bad", "on-bar", "s5"}
    for name in ("text", "soft", "link", "good", "bad", *(f"s{index}" for index in range(6))):
        assert contrast(colours[name], colours["page"]) >= 4.5, name
    for name in ("text", "soft"):
        assert contrast(colours[name], colours["panel"]) >= 4.5, name
    for index in range(6):
        assert contrast(colours["on-bar"], colours[f"s{index}"]) >= 4.5, index


def contrast(one: str, other: str) -> float:
    lights = sorted(map(_luminance, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def facts(page: Page) -> list[tuple[str, str]]:
    texts = [text for _, text in page.all("dt", "dd")]
    return list(zip(texts[::2], texts[1::2], strict=True))


def elements_of(page: Page, svg: dict[str, str | None]) -> list[tuple[str, dict[str, str | None], list[str]]]:
    """What follows a drawing's tag, up to the end of its figure."""
    start = next(index for index, (_, given, _) in enumerate(page.elements) if given is svg)
    end = next(index for index in range(start, len(page.elements)) if page.elements[index][0] == "ul")
    return page.elements[start:end]


def sign(folder: Path, content: dict[str, Any]) -> None:
    """As `serving.bundle` writes it: with a digest of all but the head."""
    body = {key: value for key, value in content.items() if key not in ("schema", "digest", "signature")}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    (folder / "model.json").write_text(json.dumps({"schema": content["schema"], "digest": digest} | body))


PHONE, DESKTOP = (390, 844), (1280, 900)
LIGHT, DARK = "--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0"
# Put into a copy of the page, since the page itself runs nothing: what it is like when laid out, as JSON in the title.
PROBE = """<script>
const small = [], crossing = [], outside = [];
document.querySelectorAll("svg.chart").forEach(svg => {
  const frame = svg.closest("figure").getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text:not(.in-bar)")].map(text => {
    const box = text.getBoundingClientRect();
    if (parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a < 10) small.push(text.textContent);
    if (box.left < frame.left - 1 || box.right > frame.right + 1) outside.push(text.textContent);
    return [text.textContent, box];
  });
  boxes.forEach(([one, a], index) => boxes.slice(index + 1).forEach(([other, b]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 0 && high > 4) crossing.push(one + " | " + other);
  }));
});
document.title = JSON.stringify({
  small, crossing, outside, wide: document.documentElement.scrollWidth, window: innerWidth,
});
</script></body>"""


class Browser:
    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def run(self, page: Path, size: tuple[int, int], *options: str) -> str:
        """What it prints. Of its own home, so that no user's settings play a part."""
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        flags += [f"--user-data-dir={self.folder / 'profile'}", f"--window-size={size[0]},{size[1]}"]
        command = [self.program, *flags, *options, page.resolve().as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def picture(self, page: Path, size: tuple[int, int], *options: str) -> np.ndarray:
        """uint8 [height, width, 3]"""
        path = self.folder / f"{size[0]}{'-'.join(options).replace('=', '-')}.png"
        self.run(page, size, *options, f"--screenshot={path}")
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is missing")
    return Browser(program, tmp_path)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_a_browser_shows_it_light_and_dark(browser: Browser, path: Path, size: tuple[int, int]) -> None:
    light, dark = browser.picture(path, size, LIGHT), browser.picture(path, size, DARK)
    for picture in (light, dark):
        assert picture.shape[:2] == size[::-1]
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert np.median(light) > 230
    assert np.median(dark) < 40


@pytest.mark.parametrize("size", [(360, 800), PHONE, (700, 900), DESKTOP])
def test_nothing_is_wider_than_the_window_too_small_or_in_each_others_way(
    browser: Browser, path: Path, size: tuple[int, int]
) -> None:
    found = laid_out(browser, path.read_text(), size)
    assert found["window"] == size[0]
    assert found["wide"] <= size[0]
    assert (found["small"], found["crossing"], found["outside"]) == ([], [], [])


def test_the_page_can_be_printed(browser: Browser, path: Path, tmp_path: Path) -> None:
    browser.run(path, DESKTOP, f"--print-to-pdf={tmp_path / 'report.pdf'}", "--no-pdf-header-footer")
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") > 3


def laid_out(browser: Browser, page: str, size: tuple[int, int]) -> dict[str, Any]:
    """What the probe says. In a frame of that size, since a window of a desktop cannot be as narrow as a phone."""
    probed = re.sub("<meta http-equiv[^>]*>", "", page).replace("</body>", PROBE)
    frame = f'<iframe style="width: {size[0]}px; height: {size[1]}px; border: 0" srcdoc="{html.escape(probed)}">'
    tell = "<script>onload = () => document.title = frames[0].document.title</script>"
    (browser.folder / "frame.html").write_text(f"<!doctype html><title></title>{frame}</iframe>{tell}")
    title = re.search("<title>(.*?)</title>", browser.run(browser.folder / "frame.html", DESKTOP, "--dump-dom"))
    assert title
    return dict(json.loads(html.unescape(title[1])))
