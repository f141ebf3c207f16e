"""The table says what the figures belong to, what failed, what was left out, and when they are no figures."""

from pathlib import Path

import pytest

from tests.benchmarks.gpu.given import setting
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.table import results, table
from torchferry.benchmarks.training.trainers import stand_ins


def outcomes() -> list[Outcome]:
    good, bad = Outcome("good", seconds=3.2), Outcome("bad", failed="ServerFault: no luck", left_out=["the rest: gone"])
    good.add("images", "10 images/s", "of a kind", 10.0)
    return [good, bad]


def test_every_line_failure_and_omission_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_ins, "missing", lambda: ["rich"])
    lines = table(setting(tmp_path, "NVIDIA H200", "NVIDIA H200"), outcomes()).splitlines()
    assert lines[0].startswith("2 x NVIDIA H200; ")
    assert lines[0].endswith("torch 2.11.0, CUDA 13.0")
    assert "| images | 10 images/s | of a kind |" in lines
    assert "| bad | FAILED | ServerFault: no luck |" in lines
    assert (
        "NVIDIA H200: peak 990 TFLOP/s in bfloat16, by NVIDIA's datasheet of the H200 SXM, without sparsity." in lines
    )
    assert "Left out: the rest: gone." in lines
    assert "Packages that are missing: rich: no progress bar." in lines
    assert lines[-1] == "Parts: good 3 s, bad 0 s."


def test_an_unknown_card_has_no_mfu_and_the_table_says_so(tmp_path: Path) -> None:
    assert "card: no peak is known here, so there is no MFU." in table(setting(tmp_path, "card"), []).splitlines()


@pytest.mark.parametrize(
    ("names", "small", "figures", "first"),
    [
        (["NVIDIA H200"], False, True, "1 x NVIDIA H200"),
        (["NVIDIA H200"], True, False, "NOT FIGURES: tiny"),
        ([], True, False, "NOT FIGURES OF A GPU"),
    ],
)
def test_what_is_no_figure_of_a_gpu_says_so(
    names: list[str], small: bool, figures: bool, first: str, tmp_path: Path
) -> None:
    given = setting(tmp_path, *names, small=small)
    assert table(given, []).startswith(first)
    assert results(given, [])["gpu_figures"] is figures


def test_the_file_has_all_of_it(tmp_path: Path) -> None:
    content = results(setting(tmp_path, "NVIDIA H200", "card"), outcomes())
    assert content["peaks"] == {
        "NVIDIA H200": {"tflops": 989.5, "source": "NVIDIA's datasheet of the H200 SXM, without sparsity"},
        "card": None,
    }
    assert isinstance(content["parts"], list)
    assert content["parts"][0]["lines"][0]["value"] == 10.0
