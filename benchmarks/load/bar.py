"""The progress bar of a measurement, on stderr if that is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def bar(title: str, seconds: float) -> Iterator[Callable[[float, int, int], None]]:
    """Gives what is to be called with the seconds that have passed, the requests sent and those that ended."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=seconds, state="")

        def show(passed: float, sent: int, ended: int) -> None:
            progress.update(task, completed=min(passed, seconds), state=f"{sent:,} sent, {sent - ended:,} under way")

        yield show
