"""What the page says, and that it loads nothing."""

import csv
import hashlib
import itertools
import json
import re
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from benchmarks.record import Figure
from benchmarks.report.command import main
from benchmarks.report.scale import scale
from tests.benchmarks.report.parsed import Page, report
from tests.benchmarks.report.written import a_servers, a_sweep, measurement, written

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\ud800"


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


def test_two_labels_of_one_name_are_two_rows(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", "bundle"))
    (tmp_path / "run/confusion.csv").write_text("true,crane,crane\ncrane,3,2\ncrane,0,0\n")
    page = report(tmp_path, tmp_path / "run")
    assert page.table("The most frequent mistakes")[1:] == [["crane", "crane", "2", "40.00 %"]]
    assert [row[2] for row in page.table("Each label of the test set")[1:]] == ["60.00 %", "–"]


def test_a_score_without_a_value_is_left_out(run: Path, tmp_path: Path) -> None:
    """As R² of a target that is the same in each sample."""
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", "bundle"))
    scores = {"r2": None, "mae": 1.5}
    line = {"kind": "test", "time": 1.0, "epoch": 1, "step": 1, "samples": 2, "loss": 0.5}
    (tmp_path / "run/metrics.jsonl").write_text(json.dumps(line | scores))
    page = report(tmp_path, tmp_path / "run")
    terms = [text for _, text in page.all("dt")]
    assert "test mae" in terms
    assert "test r2" not in terms


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
    content["command"] = ["latency", "https://me:s3c@s3cret@host/", *headers, "--model", "digits"]
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


def test_a_single_answer_has_a_latency(tmp_path: Path) -> None:
    histogram = HdrHistogram(1, 600_000_000, 3)
    histogram.record_value(1500)
    alone = measurement(1, requests=1, outcomes={"ok": 1}, histogram=histogram.encode().decode())
    page = report(tmp_path, written(tmp_path, "latency", asdict(alone), {}))
    assert page.table("Percentiles")[1:] == [["0 %", "1.5"]]


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
