"""A variant is judged by the numbers of each provider that it may be served on.

There is no GPU here: the table's name for one stands for the CPU, so that what follows from its session is real.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from tests.serving.export.tiny_reference import tiny_reference
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits
from torchferry.serving.export.provider_gate import Providers, on_providers, providers_of
from torchferry.serving.onnx_server.models.sessions import open_sessions
from torchferry.serving.session import providers
from torchferry.serving.session.onnx_session import CPU


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers.ASKED, "cuda", CPU)
    monkeypatch.setitem(providers.WANTED, "cuda", (CPU,))


def exported(folder: Path, given: Providers, names: Sequence[str] = ("onnx-fp32", "torch")) -> Bundle:
    folder.mkdir(exist_ok=True)
    return export(tiny_reference(), folder / "bundle", names, {}, "1.0", providers=given)


@pytest.mark.usefixtures("gpu")
def test_a_graph_is_measured_there_and_no_torch_program(tmp_path: Path) -> None:
    bundle = exported(tmp_path, Providers(("cuda",), are_asked=True))
    assert bundle == bundles.load(bundle.root)
    on = bundle.variants["onnx-fp32"].providers["cuda"]
    assert (on.reason, on.measured.samples, on.speed.batch_1_ms > 0) == (None, 6, True)
    assert bundle.variants["torch"].providers == {}


def test_one_that_does_not_compute_is_left_out_unless_it_was_asked_for(tmp_path: Path) -> None:
    assert exported(tmp_path, Providers(("tensorrt",))).variants["onnx-fp32"].providers == {}
    with pytest.raises(UserError, match=r"^--providers: tensorrt was asked for, and this onnxruntime has no Tensorrt"):
        exported(tmp_path / "asked", Providers(("tensorrt",), are_asked=True), ["onnx-fp32"])


def test_what_is_asked_for_is_known_and_there() -> None:
    assert providers_of(()) == Providers(tuple(providers.gpus_offered()))
    with pytest.raises(UserError, match=r"there is no provider 'cuba'; did you mean cuda"):
        providers_of(["cuba"])
    with pytest.raises(UserError, match=r"tensorrt was asked for, and this onnxruntime has no Tensorrt"):
        providers_of(["tensorrt"])
    if importlib.util.find_spec("onnxruntime_ep_openvino") is None:
        with pytest.raises(UserError, match=r"^--providers: openvino needs onnxruntime-ep-openvino; pip install"):
            providers_of(["openvino"])


@pytest.mark.usefixtures("gpu")
def test_a_server_takes_no_provider_that_the_gate_has_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = exported(tmp_path, Providers(("cuda",)), ["onnx-fp32"])
    variant = bundle.variants["onnx-fp32"]
    on = replace(variant.providers["cuda"], reason="outputs differ by 2")
    bundles.write(replace(bundle, variants={"onnx-fp32": replace(variant, providers={"cuda": on})}))
    with pytest.raises(UserError, match=r"onnx-fp32 is refused on cuda: outputs differ by 2$"):
        open_sessions(bundles.load(bundle.root), "onnx-fp32", 1, 1, "cuda")
    assert "was not measured" not in capsys.readouterr().err


def test_one_that_fails_costs_the_variant_nothing_unless_it_was_asked_for() -> None:
    def opened(_: str) -> NoReturn:
        raise RuntimeError("CUDA failure 2: out of memory")

    expected = Expected(tiny_reference())
    assert on_providers(Providers(("cuda",)), opened, expected, Limits()) == {}
    with pytest.raises(UserError, match=r"^--providers: cuda was asked for, and it fails: RuntimeError: CUDA failure"):
        on_providers(Providers(("cuda",), are_asked=True), opened, expected, Limits())
