"""A point, its name and those it is compared with."""

from dataclasses import replace

from tests.benchmarks.tune.landscape import POINT


def test_its_name_has_a_delay_where_requests_wait() -> None:
    assert str(POINT) == "onnx-fp32, 2 x 1 threads, batch 8, 2 ms delay"
    assert str(replace(POINT, delay_ms=0.5)) == "onnx-fp32, 2 x 1 threads, batch 8, 0.5 ms delay"
    assert str(replace(POINT, batch=1)) == "onnx-fp32, 2 x 1 threads, batch 1"


def test_a_group_differs_in_the_delay_alone_and_a_family_in_the_batch_too() -> None:
    waiting, larger = replace(POINT, delay_ms=5), replace(POINT, batch=32)
    assert waiting.group == POINT.group != larger.group
    assert waiting.family == POINT.family == larger.family == ("onnx-fp32", 2, 1)
    for other in (replace(POINT, variant="torch"), replace(POINT, workers=1), replace(POINT, threads=2)):
        assert other.family != POINT.family
