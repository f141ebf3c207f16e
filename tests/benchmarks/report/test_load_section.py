"""The report's section on latency: the charts of the loads and the table of all of them."""

from dataclasses import asdict
from pathlib import Path

from hdrh.histogram import HdrHistogram

from tests.benchmarks.report.parsed import Page, shown
from tests.benchmarks.report.written import a_sweep, measurement
from torchferry.benchmarks.report.load import curves
from torchferry.benchmarks.report.load_section import load_section
from torchferry.benchmarks.report.section import Section
from torchferry.benchmarks.report.source import Result, read


def section(*results: Result) -> Section:
    return load_section(curves(results), results)


def result(verb: str, results: object) -> Result:
    return Result(path=Path(f"{verb}.json"), verb=verb, content={"results": results}, figures={})


def latency(**change: object) -> Page:
    return shown(section(result("latency", asdict(measurement(50, **change)))))


def test_a_void_load_is_crossed_out_and_one_that_fell_behind_is_hollow(tmp_path: Path) -> None:
    page = shown(section(*read([a_sweep(tmp_path)]).results))
    rows = page.table("Latency against rate, p99")
    assert [row[0] for row in rows[1:]] == ["50", "90", "162", "292", "525"]
    assert rows[4][1].endswith(" (void)")
    assert rows[5][1].endswith(" (saturated)")
    loads = page.table("Every load")
    assert loads[4][-1] == "void: the generator itself was 9.0 ms late at p99"
    assert loads[5][-1] == "saturated; 12 × HTTP 503"


def test_no_line_goes_through_a_void_load(tmp_path: Path) -> None:
    page = shown(section(*read([a_sweep(tmp_path)]).results))
    lines = [given["d"] or "" for given, _ in page.all("path") if given["class"] == "line"]
    against_rate = [line for line in lines if line.count("L") == 3]  # four of the five loads
    assert len(against_rate) == 2
    kinds = [given["class"] for given, _ in page.all("path") if given["class"] in ("cross", "hollow")]
    assert kinds == ["cross", "hollow"] * 2


def test_one_load_is_a_bar_and_many_are_a_line(tmp_path: Path) -> None:
    single = latency()
    assert single.table("Latency at one rate, p99")[1][0] == "torchferry 0.1.0, digits, rest-binary, 50/s"
    assert not [text for _, text in single.all("caption") if text.startswith("Latency against")]
    many = shown(section(*read([a_sweep(tmp_path)]).results))
    assert not [text for _, text in many.all("caption") if text.startswith("Latency at one rate")]


def test_percentiles_are_those_of_the_histogram() -> None:
    found = measurement(50)
    page = latency()
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


def test_a_result_without_a_good_answer_has_a_table_and_no_picture() -> None:
    page = latency(requests=10, errors=10, outcomes={"refused": 10}, mean_ms=float("nan"), histogram="")
    assert page.table("Every load")[1][3:] == ["–", "–", "–", "–", "10", "10", "10 × refused"]
    assert not page.all("figure")


def test_a_single_answer_has_a_latency() -> None:
    histogram = HdrHistogram(1, 600_000_000, 3)
    histogram.record_value(1500)
    page = latency(requests=1, outcomes={"ok": 1}, histogram=histogram.encode().decode())
    assert page.table("Percentiles")[1:] == [["0 %", "1.5"]]


def test_a_partial_and_a_closed_load_say_so() -> None:
    closed = result("latency", asdict(measurement(None, interrupted=130)))
    remark = shown(section(closed)).table("Every load")[1][-1]
    assert remark == "partial; closed loop: hides what queues behind a slow answer"


def test_what_was_sent_and_padded_is_told_of_samples_of_unequal_sizes() -> None:
    sizes = {"tokens": {"least": 8.0, "median": 40.0, "mean": 50.0, "most": 128.0}}
    found = result("latency", asdict(measurement(50, sizes=sizes, padding_share=0.125)))
    remark = shown(section(found)).table("Every load")[1][-1]
    assert remark == "8 to 128 tokens, half of them up to 40; 12.5% of what was computed was padding"


def test_the_rate_within_a_limit_is_that_of_its_repeats() -> None:
    probes = [[asdict(measurement(50))]]
    kept = result("slo", {"p99_ms": 50.0, "repeats": [74.0, 76.0], "probes": probes})
    none = result("slo", {"p99_ms": 0.5, "repeats": [], "probes": probes})
    rows = shown(section(kept, none)).table("Sustainable rates")[1:]
    assert [row[1:] for row in rows] == [["50", "75 [74, 76]", "2"], ["0.5", "none", "0"]]


def test_the_fact_is_of_the_best_load() -> None:
    loads = [measurement(50), measurement(100), measurement(200, saturated=True)]
    facts = section(result("sweep", [asdict(load) for load in loads])).facts
    p99 = f"{loads[1].percentiles_ms['p99']:.3g}"
    assert facts == [("p99 of torchferry 0.1.0, digits, rest-binary", f"{p99} ms at 100/s")]
