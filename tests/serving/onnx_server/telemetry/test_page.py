"""The page is, byte for byte, the one that prometheus_client makes of the same registry."""

import weakref
from functools import partial

import pytest
from prometheus_client import Counter, Gauge, Info
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder

from torchferry.serving.onnx_server.telemetry.families import Count, Family, Reading, Registry
from torchferry.serving.onnx_server.telemetry.histogram import Histogram
from torchferry.serving.onnx_server.telemetry.page import Form

OPEN = "application/openmetrics-text; version=1.0.0"
ACCEPTED = [
    "",
    "text/plain; version=1.0.0; escaping=dots",
    OPEN,
    f"{OPEN}; escaping=allow-utf-8",
    f"{OPEN}; escaping=values",
]
ODD = ["digits", "", 'a "b"\\c\nd', "100 %s %", "# no comment", "two  spaces ", "\x85\u2028é", "line\r"]
NUMBERS = [0, 1, 999_999, 1_000_000, 123_456_789_012, 0.1, 1e-9, 1e300, float("inf"), float("nan"), -2.5]


class Filled(Registry):
    """With all that a page may have."""

    def __init__(self) -> None:
        super().__init__()
        Info("build", "What is running", registry=self).info({"version": "1"})
        self.seconds = Histogram("seconds", 'How "long"\\', ("model", "protocol"), (0.5, 1.0, 10.0), self)
        self.asked = Family(lambda: CounterMetricFamily("asked", "So far\nand on", labels=["model"]), self)
        self.queue = Family(lambda: GaugeMetricFamily("queue", "Now", labels=["model", "case"]), self)
        Family(lambda: GaugeMetricFamily("nothing", "Has no rows", labels=["model"]), self)
        Counter("theirs", "With the time of its making", ["model"], registry=self).labels("digits").inc()
        Gauge("last", "At the end", registry=self).set(3)
        for name in ODD:
            self.seconds.of(name, "rest").observe(0.7)
            self.asked.rows[name,] = Count([name])
            for number in NUMBERS:
                self.queue.rows[name, str(number)] = Reading([name, str(number)], partial(float, number))


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_the_page_is_prometheus_clients_first_and_after_every_change(accepted: str) -> None:
    registry, (encode, _) = Filled(), choose_encoder(accepted)
    form = Form(encode)

    def check() -> None:
        assert b"".join(form.write(registry.collectors)) == encode(registry)

    check()
    check()
    for value, trace in ((0.5, "ab"), (3.25, "cd"), (99, "ef")):
        registry.seconds.of("digits", "rest").observe(value)
        registry.seconds.of("digits", "rest").mark(value, 16 * trace)
        check()
    registry.seconds.of("new", "grpc").observe(1e-7)
    registry.asked.rows["digits",] = count = Count(["digits"])
    count.add()
    del registry.queue.rows["digits", "0.1"]
    check()
    assert (b"trace_id" in b"".join(form.write(registry.collectors))) == accepted.startswith(OPEN)


def test_text_is_made_anew_where_values_are_new_and_only_there() -> None:
    registry, form = Filled(), Form(choose_encoder("")[0])
    before = list(form.write(registry.collectors))
    registry.seconds.of("digits", "rest").observe(2)
    changed = [new for old, new in zip(before, form.write(registry.collectors), strict=True) if new is not old]
    assert [piece for piece in changed if piece and not piece.startswith(b"#")] == [
        piece for piece in changed if piece.startswith(b'seconds_bucket{le="0.5",model="digits"')
    ]


def test_what_is_unloaded_is_kept_by_nobody() -> None:
    registry, form = Registry(), Form(choose_encoder("")[0])
    family = Family(lambda: GaugeMetricFamily("queue", "Now", labels=["model"]), registry)
    family.rows["digits",] = Reading(["digits"], lambda: 1)
    list(form.write(registry.collectors))
    gone = weakref.ref(family.rows.pop(("digits",)))
    assert gone() is None
    assert not form.kept


def test_a_model_may_come_and_go_while_the_page_is_written() -> None:
    registry = Filled()
    pieces = []
    for piece in Form(choose_encoder("")[0]).write(registry.collectors):
        pieces.append(piece)
        registry.asked.rows[f"new {len(pieces)}",] = Count(["new"])
        registry.queue.rows.pop(("digits", "1"), None)
    assert pieces
