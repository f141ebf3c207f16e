"""A traceparent is read as the standard writes it, and what is none is left aside."""

import pytest

from torchferry.serving.onnx_server.trace_context import TraceContext

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{CALLER}-01"


@pytest.mark.parametrize("header", [HEADER, f" {HEADER}\t", f"01-{TRACE}-{CALLER}-01-what a later version adds"])
def test_a_traceparent_is_read(header: str) -> None:
    assert TraceContext.read(header) == TraceContext(TRACE, CALLER, "01")


def test_it_is_written_as_it_was_read() -> None:
    assert str(TraceContext.read(HEADER)) == HEADER
    assert str(TraceContext(TRACE, CALLER)) == f"00-{TRACE}-{CALLER}-00"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE}-{CALLER}",
        f"{HEADER}0",
        f"{HEADER}-more",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{CALLER}-01",
        f"00-{TRACE[:-1]}-{CALLER}-01",
        f"00_{TRACE}_{CALLER}_01",
        f"{HEADER}, {HEADER}",
    ],
)
def test_what_is_no_traceparent_is_no_trace(header: str) -> None:
    assert TraceContext.read(header) is None


def test_a_child_is_another_span_of_the_same_trace() -> None:
    caller = TraceContext(TRACE, CALLER, "01")
    children = [caller.child() for _ in range(5)]
    assert {(child.trace_id, child.flags) for child in children} == {(TRACE, "01")}
    assert len({child.span_id for child in (caller, *children)}) == 6
    assert all(TraceContext.read(str(child)) == child for child in children)


def test_a_flag_that_is_not_known_goes_no_further() -> None:
    assert TraceContext(TRACE, CALLER, "ff").child().flags == "03"
