"""The report as a page: its sections and numbers, accessibility, escaping, and no external resources."""

import csv
import itertools
import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.report.parsed import Page
from tests.benchmarks.report.written import a_servers, a_sweep, measurement, written
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.report.report_command import main

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
        assert rows[name][3] == f"{100 * variant['measured']['score']:.2f} %"
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


def test_latency_against_the_rate_is_drawn_for_each_series(page: Page) -> None:
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


def facts(page: Page) -> list[tuple[str, str]]:
    texts = [text for _, text in page.all("dt", "dd")]
    return list(zip(texts[::2], texts[1::2], strict=True))
