"""A bundle: each variant, whether the gate let it pass, and by what figures."""

from collections.abc import Callable

from torchferry.benchmarks.report import bars
from torchferry.benchmarks.report.bars import Bar
from torchferry.benchmarks.report.markup import Markup, figure, number, percent, table, tag
from torchferry.benchmarks.report.section import Section, columns
from torchferry.benchmarks.report.source import blamed
from torchferry.contract.tasks.metric_text import PERCENT
from torchferry.serving.bundle.bundle import Bundle

LIMITS = {
    "max_abs_diff": ("largest difference", number),
    "max_relative_error": ("relative error", number),
    "max_drop": ("loss of {}", None),
    "min_agreement": ("agreement at least", percent),
    "max_changed_share": ("other values", percent),
}
"""What each is called and how it is said; None as the metric is."""


def bundle_section(bundle: Bundle) -> Section:
    with blamed(bundle.root / "model.json"):
        content = [
            *(_about(bundle), _variants(bundle), *_reasons(bundle), *_served(bundle)),
            *(_limits(bundle), _pictures(bundle)),
        ]
        accepted = bundle.accepted
        facts = [("variants accepted", f"{len(accepted)} of {len(bundle.variants)}")]
        if accepted:
            smallest = min(accepted, key=lambda name: bundle.variants[name].bytes)
            facts += [("smallest accepted", f"{smallest}, {bundle.variants[smallest].bytes / 1000:,.0f} kB")]
        if bundle.choice:
            facts += [("serves", bundle.choice.variant)]
    return Section(title=f"Bundle {bundle.name} {bundle.version}", content=content, facts=facts)


def _about(bundle: Bundle) -> Markup:
    of = bundle.reference
    what = "random" if of.get("random") else "held-out"
    return tag(
        "p",
        f"Each variant was compared with the checkpoint on {of['samples']:,} {what} samples before it may be served. "
        f"Times are of a bare call on the machine that exported.",
    )


def _variants(bundle: Bundle) -> Markup:
    of, says = bundle.reference, _says(bundle)
    whole = ["checkpoint", _status("reference"), "–", says(of.get("score")), "–", "–"]
    rows: list[list[object]] = [[*whole, number(of.get("batch_1_ms")), number(of.get("batch_8_ms"))]]
    for name, variant in bundle.variants.items():
        measured, speed = variant.measured, variant.speed
        rows.append(
            [
                *(name, _status(variant.status), f"{variant.bytes / 1000:,.0f}", says(measured.score)),
                *(percent(measured.agreement), number(measured.max_abs_diff)),
                *(number(speed.batch_1_ms), number(speed.batch_8_ms)),
            ]
        )
    rows += [[name, _status("skipped"), *["–"] * 6] for name in bundle.skipped]
    heads = ("variant", "gate", "size kB", _metric(bundle), "agreement", "largest difference")
    return table(f"Variants of {bundle.name}", (*heads, "ms, batch 1", "ms, batch 8"), rows)


def _metric(bundle: Bundle) -> str:
    return bundle.reference.get("metric") or "score"


def _says(bundle: Bundle) -> Callable[[float | None], str]:
    return percent if _metric(bundle) in PERCENT else number


def _status(status: str) -> Markup:
    sign = {"accepted": "✓ ", "refused": "✗ "}.get(status, "")
    return tag("span", f"{sign}{status}", class_=f"status {status}")


def _reasons(bundle: Bundle) -> list[Markup]:
    said = [
        (name, text)
        for name, variant in bundle.variants.items()
        for text in (variant.reason, variant.note)
        if text is not None
    ]
    said += list(bundle.skipped.items())
    return [tag("ul", *(tag("li", tag("b", name), ": ", text) for name, text in said))] if said else []


def _served(bundle: Bundle) -> list[Markup]:
    """What servers do with it: which variant they take where none is named, and why, and how many samples meet. Bundles
    of before do not say."""
    said, choice, most = [], bundle.choice, bundle.max_batch
    if choice:
        said.append(tag("p", "Servers take ", tag("b", choice.variant), f" where none is named: {choice.reason}."))
    if most:
        said.append(tag("p", f"Servers compute at most {most:,} sample{'s' * (most > 1)} together (--max-batch)."))
    return said


def _limits(bundle: Bundle) -> Markup:
    score = _says(bundle)
    rows = [
        [name, *(_limit(variant.limits.get(key), says or score) for key, (_, says) in LIMITS.items())]
        for name, variant in bundle.variants.items()
    ]
    heads = ["variant", *(words.format(_metric(bundle)) for words, _ in LIMITS.values())]
    return table("Limits of the gate", heads, rows)


def _limit(limit: float | None, says: Callable[[float | None], str]) -> str:
    return "none" if limit is None else says(limit)


def _pictures(bundle: Bundle) -> Markup:
    sizes = [Bar(name=name, parts=[variant.bytes / 1000]) for name, variant in bundle.variants.items()]
    calls = [Bar(name=name, parts=[variant.speed.batch_1_ms]) for name, variant in bundle.variants.items()]
    return columns(
        _bars("Size", "Of the file, in kB.", sizes, "kB"), _bars("One call", "Of one sample, in ms.", calls, "ms")
    )


def _bars(title: str, about: str, rows: list[Bar], unit: str) -> Markup:
    says = f"Bar chart of {title.lower()}: " + "; ".join(f"{row.name} {number(row.parts[0])} {unit}" for row in rows)
    return figure(title, about, bars.bars(rows, f"{says}."), bars.data(title, rows, unit))
