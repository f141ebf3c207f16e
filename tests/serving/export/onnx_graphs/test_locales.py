"""Letters change their case on every machine."""

from pathlib import Path

import numpy as np
import pytest

from tests.serving.export.onnx_graphs.graphs import graph
from torchferry.serving.export.onnx_graphs.locales import use_locale_of_servers
from torchferry.serving.export.onnx_graphs.onnx_network import computed

LOWER = """graph (string[N] x) => (string[N] y) {
  y = StringNormalizer <case_change_action = "LOWER", is_case_sensitive = 0{}> (x) }"""


@pytest.mark.parametrize("said", ["", ', locale = "en_US"'])
def test_english_is_computed_by_a_locale_that_is_there(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = graph(LOWER.replace("{}", said))
    use_locale_of_servers(model, Path("net.onnx"))
    assert "net.onnx changes letters' case by the locale C.UTF-8" in capsys.readouterr().out
    given = computed(model, {"x": np.array(["ÄÖÜ", "Ж", "Cat"], object)})
    assert given["y"].tolist() == ["äöü", "ж", "cat"]


def test_another_language_stays(capsys: pytest.CaptureFixture[str]) -> None:
    model = graph(LOWER.replace("{}", ', locale = "tr_TR"'))
    use_locale_of_servers(model, Path("net.onnx"))
    assert model == graph(LOWER.replace("{}", ', locale = "tr_TR"'))
    assert not capsys.readouterr().out
