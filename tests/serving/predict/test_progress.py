"""On a terminal one line that changes, elsewhere a line every half minute; with a clock of the test's own."""

import io

from torchferry.serving.predict.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_elsewhere_there_is_a_line_every_half_minute() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(lambda: 100_000, 1000, stream, clock)
    for clock.now in (10, 29.9, 30, 31, 59, 60):
        progress.show(1000 + round(100 * clock.now), 2 if clock.now == 60 else 0)
    progress.end()
    assert stream.getvalue().splitlines() == [
        "torchferry: 4,000 of about 100,000 samples, 100/s, about 16 min 0 s left",
        "torchferry: 7,000 of about 100,000 samples, 100/s, about 15 min 30 s left, 2 without an answer",
    ]


def test_on_a_terminal_the_line_changes_and_goes_at_the_end() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress(lambda: 0, 0, stream, clock)
    for clock.now in (0.4, 0.5, 1.0):
        progress.show(round(10 * clock.now), 0)
    progress.end()
    assert stream.getvalue() == "\r\033[K5 samples, 10/s\r\033[K10 samples, 10/s\r\033[K"


def test_files_are_not_counted_where_nothing_is_said() -> None:
    progress = Progress(lambda: 1 // 0, 0, io.StringIO(), Clock())
    progress.show(5, 0)
    progress.end()


def test_hours() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(lambda: 1_000_000, 0, stream, clock)
    clock.now = 30
    progress.show(3000, 0)
    assert "about 2 h 46 min left" in stream.getvalue()
