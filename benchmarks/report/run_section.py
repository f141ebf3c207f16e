"""A run: its curves from metrics.jsonl, its confusion matrix, sample predictions, its configuration."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

from torchferry import run_folder
from torchferry.benchmarks.report import chart
from torchferry.benchmarks.report.chart import Axis, Point, Series, line_chart
from torchferry.benchmarks.report.confusion import draw, read_confusion
from torchferry.benchmarks.report.markup import Markup, figure, folded, number, percent, tag
from torchferry.benchmarks.report.section import Section, columns
from torchferry.benchmarks.report.source import Run, blamed, without_passwords

STEP = Axis(label="optimizer step", zero=True, says=lambda value: f"{value:,.0f}")
COMMON = ("kind", "time", "epoch", "step", "samples", "loss")  # of each test line, beside the task's own metrics
SHARES = ("accuracy", "precision", "recall", "f1")


def run_section(run: Run) -> Section:
    with blamed(run.path / run_folder.METRICS):
        scores = [name for name in (run.test[-1] if run.test else {}) if name not in COMMON]
        figures = [_losses(run), *(_score(run, name) for name in scores), _learning_rate(run)]
        facts = _facts(run, scores)
    confusion = read_confusion(run.path / run_folder.CONFUSION_TABLE)
    content: list[Markup | None] = [columns(*figures, draw(confusion) if confusion else None), _predictions(run, facts)]
    text = tag("pre", without_passwords(run.config), tabindex=0, role="region", aria_label=f"config.yaml of {run.path}")
    content += [folded("Configuration: config.yaml", text)]
    return Section(title=f"Training {run.path.resolve().name}", content=content, facts=facts)


def _facts(run: Run, scores: Sequence[str]) -> list[tuple[str, str]]:
    """Of the scores the first that has a value at the end: that of a constant target has none."""
    final = run.tested or (run.test[-1] if run.test else {})
    known = [(name, score) for name in scores if (score := final.get(name)) is not None]
    facts = [(f"test {name}", _says(name)(float(score))) for name, score in known[:1]]
    last = max((lines[-1] for lines in (run.train, run.test) if lines), key=lambda line: line["step"], default=None)
    return [*facts, ("training", f"{last['step']:,} steps, {last['epoch']:,} epochs")] if last else facts


def _losses(run: Run) -> Markup | None:
    series = [
        _series(lines, "loss", f"{kind} loss") for kind, lines in (("training", run.train), (run.split, run.test))
    ]
    return _curves(
        "Loss", f"On training batches, and on the whole {run.split} set.", series, Axis(label="loss", log=True)
    )


def _score(run: Run, name: str) -> Markup | None:
    axis = Axis(label=f"{run.split} {name}", says=_says(name), share=name in SHARES)
    return _curves(
        f"{run.split.capitalize()} {name}",
        f"On the whole {run.split} set.",
        [_series(run.test, name, f"{run.split} {name}")],
        axis,
    )


def _learning_rate(run: Run) -> Markup | None:
    axis = Axis(label="learning rate", zero=True)
    series = _series(run.train, "learning_rate", "learning rate")
    return _curves("Learning rate", "As the schedule set it.", [series], axis)


def _curves(title: str, about: str, series: Sequence[Series], axis: Axis) -> Markup | None:
    drawn = [one for one in series if one.points]
    if not drawn:
        return None
    ends = "; ".join(f"{one.name} ends at {axis.says(one.points[-1].y)}" for one in drawn)
    says = f"Line chart of {title.lower()} over optimizer steps: {ends}."
    return figure(title, about, line_chart(drawn, STEP, axis, says), chart.data(title, drawn, STEP, axis))


def _series(lines: Sequence[dict[str, Any]], key: str, name: str) -> Series:
    given = [(float(line["step"]), line.get(key)) for line in lines]
    return Series(name=name, points=[Point(x=step, y=float(value)) for step, value in given if value is not None])


def _says(name: str) -> Callable[[float], str]:
    return percent if name in SHARES else number


def _predictions(run: Run, facts: Sequence[tuple[str, str]]) -> Markup | None:
    """What the picture shows is nowhere else in the run, so that the text beside it has to do."""
    if run.predictions is None:
        return None
    title, result = "Sample predictions", f" ({facts[0][0]}: {facts[0][1]})" if facts else ""
    about = "What the trained model says of test samples; wrong labels come first, framed in red."
    picture = tag(
        "img",
        src=f"data:image/png;base64,{base64.b64encode(run.predictions).decode()}",
        alt=f"Test samples with what the trained model predicts for each{result}",
    )
    # Its text is too small for a phone, where it scrolls.
    return figure(title, about, tag("div", picture, class_="scroll", tabindex=0, role="region", aria_label=title))
