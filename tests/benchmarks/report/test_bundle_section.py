"""The report's section on a bundle: its variants, the gate's verdict on each and the reason of a refusal."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.report.parsed import shown
from torchferry.benchmarks.report.bundle_section import bundle_section
from torchferry.contract.tasks.classes import Classification
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.bundle.variant import Measured, Speed, Variant

MEASURED = Measured(
    samples=360,
    max_abs_diff=0.00012,
    mean_abs_diff=0.00001,
    relative_error=0.001,
    agreement=0.9975,
    metric="accuracy",
    score=0.98,
    score_drop=0.0,
)
VARIANT = Variant(
    status="accepted",
    reason=None,
    note=None,
    file="torch/model.pt2",
    bytes=1_234_567,
    measured=MEASURED,
    speed=Speed(load_seconds=0.5, batch_1_ms=0.25, batch_8_ms=1.5, threads=1),
    limits={"max_abs_diff": 0.001, "min_agreement": 0.99, "max_drop": None},
    golden_tolerance=0.001,
)
REFUSED = replace(VARIANT, status="refused", reason="agrees on 12 % only", bytes=1000)


BUNDLE = Bundle(
    root=Path("bundle"),
    name="digits",
    version="1.0",
    task=Classification(),
    inputs=(),
    outputs=(),
    reference={
        "samples": 1360,
        "random": False,
        "metric": "accuracy",
        "score": 0.985,
        "batch_1_ms": 2.0,
        "batch_8_ms": 4.0,
    },
    variants={"torch": VARIANT},
    skipped={},
    provenance={},
    files={},
)


def test_a_variant_stands_beside_the_checkpoint() -> None:
    section = bundle_section(BUNDLE)
    assert section.title == "Bundle digits 1.0"
    assert shown(section).table("Variants of digits")[1:] == [
        ["checkpoint", "reference", "–", "98.50 %", "–", "–", "2", "4"],
        ["torch", "✓ accepted", "1,235", "98.00 %", "99.75 %", "0.00012", "0.25", "1.5"],
    ]


def test_the_score_is_the_tasks_own() -> None:
    measured = replace(MEASURED, metric="micro_f1", score=0.91234)
    reference = BUNDLE.reference | {"metric": "micro_f1", "score": 0.92}
    variant = replace(VARIANT, measured=measured, limits={"max_drop": 0.005})
    page = shown(bundle_section(replace(BUNDLE, reference=reference, variants={"torch": variant})))
    rows = page.table("Variants of digits")
    assert [row[3] for row in rows] == ["micro_f1", "0.92", "0.912"]
    heads, (_, _, _, drop, *_) = page.table("Limits of the gate")
    assert (heads[3], drop) == ("loss of micro_f1", "0.005")


def test_a_refused_and_a_skipped_variant_say_why() -> None:
    bundle = replace(BUNDLE, variants={"torch": VARIANT, "onnx": REFUSED}, skipped={"aoti": "there is no compiler"})
    section = bundle_section(bundle)
    page = shown(section)
    assert [row[1] for row in page.table("Variants of")[2:]] == ["✓ accepted", "✗ refused", "skipped"]
    items = [text for _, text in page.all("li")]
    assert items == ["onnx: agrees on 12 % only", "aoti: there is no compiler"]
    assert section.facts == [("variants accepted", "1 of 2"), ("smallest accepted", "torch, 1,235 kB")]


def test_without_an_accepted_variant_none_is_the_smallest() -> None:
    assert bundle_section(replace(BUNDLE, variants={"onnx": REFUSED})).facts == [("variants accepted", "0 of 1")]
    assert bundle_section(replace(BUNDLE, variants={})).facts == [("variants accepted", "0 of 0")]


def test_a_limit_that_is_not_set_is_none() -> None:
    assert shown(bundle_section(BUNDLE)).table("Limits of the gate") == [
        [
            "variant",
            "largest difference",
            "relative error",
            "loss of accuracy",
            "agreement at least",
            "other values",
        ],
        ["torch", "0.001", "none", "none", "99.00 %", "none"],
    ]


@pytest.mark.parametrize(("random", "words"), [(False, "1,360 held-out samples"), (True, "1,360 random samples")])
def test_it_says_what_the_variants_were_compared_on(random: bool, words: str) -> None:
    page = shown(bundle_section(replace(BUNDLE, reference={"samples": 1360, "random": random})))
    assert words in page.all("p")[0][1]
    assert page.table("Variants of digits")[1][3:] == ["–"] * 5


def test_a_reference_without_its_samples_is_refused() -> None:
    with pytest.raises(UserError, match=r"bundle/model\.json: is not as this version"):
        bundle_section(replace(BUNDLE, reference={}))


def test_it_says_which_variant_serves_and_why() -> None:
    choice = Choice(variant="torch", reason="it is exact <and> there is no other")
    section = bundle_section(replace(BUNDLE, choice=choice))
    words = "Servers take torch where none is named: it is exact <and> there is no other."
    assert [text for _, text in shown(section).all("p")][1:] == [words]
    assert ("serves", "torch") in section.facts


def test_a_bundle_of_before_says_nothing_of_it() -> None:
    section = bundle_section(BUNDLE)
    assert len(shown(section).all("p")) == 1
    assert "serves" not in dict(section.facts)


@pytest.mark.parametrize(
    ("most", "words"), [(1, "at most 1 sample together"), (1500, "at most 1,500 samples together")]
)
def test_it_says_how_many_samples_meet(most: int, words: str) -> None:
    (_, text) = shown(bundle_section(replace(BUNDLE, max_batch=most))).all("p")[-1]
    assert words in text
