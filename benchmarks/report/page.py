"""The whole page: one file that loads nothing, runs nothing, and is read by ear, on paper or in the dark."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from torchferry.benchmarks.report.bundle_section import bundle_section
from torchferry.benchmarks.report.environment_section import environment_section
from torchferry.benchmarks.report.figures_section import figures_section
from torchferry.benchmarks.report.load import VERBS, curves
from torchferry.benchmarks.report.load_section import load_section
from torchferry.benchmarks.report.markup import Markup, slug, tag
from torchferry.benchmarks.report.run_section import run_section
from torchferry.benchmarks.report.section import Section
from torchferry.benchmarks.report.servers_section import servers_section
from torchferry.benchmarks.report.soak_section import soak_section
from torchferry.benchmarks.report.source import Sources
from torchferry.benchmarks.report.tune_section import tune_section

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
MADE_BY = "torchferry report"


def page(sources: Sources, title: str | None) -> str:
    """Raises UserError for a source that is not as it should be."""
    sections = list(_sections(sources))
    heading = title or _title(sources)
    ids = _ids(sections)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=MADE_BY),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{heading} – {MADE_BY}"),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    links = [tag("li", tag("a", one.title, href=f"#{name}")) for name, one in zip(ids, sections, strict=True)]
    body = tag(
        "body",
        tag("a", "Skip to the report", href="#report", class_="skip"),
        tag("header", tag("p", MADE_BY, class_="eyebrow"), tag("h1", heading), _facts(sections)),
        tag("nav", tag("ul", *links), aria_label="Parts of the report"),
        tag(
            "main",
            *(_part(name, one) for name, one in zip(ids, sections, strict=True)),
            id="report",
            tabindex=-1,
        ),
        tag("footer", tag("p", _footer(sources))),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _part(name: str, section: Section) -> Markup:
    heading = tag("h2", section.title, id=f"{name}-title")
    return tag("section", heading, *section.content, id=name, aria_labelledby=f"{name}-title")


def _sections(sources: Sources) -> Iterator[Section]:
    yield from map(run_section, sources.runs)
    yield from map(bundle_section, sources.bundles)
    loads = [result for result in sources.results if result.verb in VERBS]
    if loads:
        yield load_section(curves(loads), loads)
    for result in sources.results:
        if result.verb == "soak":
            yield soak_section(result)
        elif result.verb == "servers":
            yield servers_section(result)
        elif result.verb == "tune":
            yield tune_section(result)
        elif result.verb not in VERBS:
            yield figures_section(result)
    yield environment_section(sources)


def _title(sources: Sources) -> str:
    names = [run.path.resolve().name for run in sources.runs] + [bundle.name for bundle in sources.bundles]
    return ", ".join(dict.fromkeys(names or [result.path.stem for result in sources.results]))


def _ids(sections: Sequence[Section]) -> list[str]:
    """One for each, after its title; a number tells equal ones apart. The page's own begin otherwise."""
    seen: Counter[str] = Counter()
    ids = []
    for section in sections:
        name = f"part-{slug(section.title)[:60]}"
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}--{seen[name]}")
    return ids


def _facts(sections: Sequence[Section]) -> Markup | None:
    facts = [fact for section in sections for fact in section.facts]
    if not facts:
        return None
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts), class_="facts")


def _footer(sources: Sources) -> str:
    paths = [run.path for run in sources.runs] + [bundle.root for bundle in sources.bundles]
    paths += [result.path for result in sources.results]
    return f"Made by torchferry report from {', '.join(map(str, paths))}."
