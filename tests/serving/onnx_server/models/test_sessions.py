"""A variant's file becomes sessions on the processor that was asked for, or none."""

import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from tests.serving.tiny_bundle import FILE, GOLDEN, VARIANT, variant, written
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.errors import BundleError
from torchferry.serving.onnx_server.models.sessions import open_sessions
from torchferry.serving.session.onnx_session import CPU, Cancellation, OnnxSession
from torchferry.serving.session.providers import CUDA

NO_GPU = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="onnxruntime-gpu is installed"
)


def test_as_many_as_are_asked_for_compute_each_for_itself(tmp_path: Path) -> None:
    sessions = open_sessions(written(tmp_path, factor=2), VARIANT, threads=1, count=3, provider="cpu")
    assert len({id(session.session) for session in sessions if isinstance(session, OnnxSession)}) == 3
    for session in sessions:
        np.testing.assert_array_equal(session.run({"row": GOLDEN})["probabilities"], 2 * GOLDEN)


def test_each_has_the_threads_that_were_asked_for(tmp_path: Path) -> None:
    (session,) = open_sessions(written(tmp_path), VARIANT, threads=2, count=1, provider="cpu")
    assert isinstance(session, OnnxSession)
    assert session.session.get_session_options().intra_op_num_threads == 2


@NO_GPU
@pytest.mark.parametrize(
    ("provider", "wanted"), [("cuda", "CUDAExecutionProvider"), ("tensorrt", "TensorrtExecutionProvider")]
)
def test_a_gpu_that_was_asked_for_and_is_missing_is_no_reason_to_take_the_cpu(
    tmp_path: Path, provider: str, wanted: str
) -> None:
    said = (
        f"--provider: {provider} was asked for, and tiny onnx-fp32 computes on {CPU}: "
        f"this onnxruntime has no {wanted}; onnxruntime-gpu has; give --provider cpu to have it so"
    )
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        open_sessions(written(tmp_path), VARIANT, threads=1, count=1, provider=provider)


@NO_GPU
@pytest.mark.parametrize("provider", ["cuda", "auto"])
def test_one_that_is_there_and_computes_nothing_is_not_taken_for_the_one_that_does(
    tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As onnxruntime-gpu is without a driver: it offers the provider, and leaves all to the CPU."""
    here = [CUDA, *onnxruntime.get_available_providers()]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: here)
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: [CUDA, CPU])
    bundle, why = written(tmp_path), "could not start, or takes no part of the graph"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX Runtime's own, of a provider that it does not have
        if provider == "auto":
            (session,) = open_sessions(bundle, VARIANT, threads=1, count=1, provider=provider)
            assert session.provider == CPU
            assert capsys.readouterr().err == f"torchferry: tiny runs on {CPU}, not on {CUDA}: it {why}\n"
        else:
            with pytest.raises(UserError, match=f"computes on {CPU}: {CUDA} {why}"):
                open_sessions(bundle, VARIANT, threads=1, count=1, provider=provider)


@NO_GPU
@pytest.mark.parametrize("provider", ["auto", "cpu"])
def test_the_cpu_is_taken_without_a_word_where_nothing_else_was_asked_for(
    tmp_path: Path, provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_sessions(written(tmp_path), VARIANT, threads=1, count=1, provider=provider)
    assert capsys.readouterr().err == ""


def test_openvino_is_taken_from_its_package_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--provider: openvino needs onnxruntime-ep-openvino; pip install"):
        open_sessions(written(tmp_path), VARIANT, threads=1, count=1, provider="openvino")


@NO_GPU
def test_nodes_that_are_left_to_another_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a GPU leaves sizes of tensors to the CPU."""
    parts = {CUDA: ["Conv", "Relu", "Conv"], CPU: ["Shape", "Gather"]}
    nodes = [SimpleNamespace(ep_name=name, get_nodes=partial(of_types, kinds)) for name, kinds in parts.items()]
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_provider_graph_assignment_info", lambda _: nodes)
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: [CUDA, CPU])
    (session,) = open_sessions(written(tmp_path), VARIANT, threads=1, count=1, provider="cuda")
    assert session.provider == CUDA
    assert capsys.readouterr().err.splitlines() == [
        f"torchferry: tiny onnx-fp32 was not measured on {CUDA}; torchferry export does where there is one",
        f"torchferry: tiny runs on {CUDA}, but 2 of 5 nodes on {CPU}: Gather, Shape",
    ]


def of_types(kinds: list[str]) -> list[SimpleNamespace]:
    return [SimpleNamespace(op_type=kind) for kind in kinds]


def of_openvino(folder: Path) -> Bundle:
    return replace(written(folder, factor=2), variants={"openvino-fp32": variant()})


@pytest.mark.parametrize("provider", ["auto", "cpu", "openvino"])
def test_those_of_openvino_compute_beside_each_other(
    tmp_path: Path, provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = open_sessions(of_openvino(tmp_path), "openvino-fp32", threads=1, count=3, provider=provider)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(20):
            answers = pool.map(lambda each: each.run({"row": GOLDEN}, Cancellation())["probabilities"], sessions)
            assert all((values == 2 * GOLDEN).all() for values in answers)
    assert (sessions[0].provider, capsys.readouterr().err) == ("OpenVINO's CPU", "")


def test_openvino_is_not_taken_for_a_gpu_that_was_asked_for(tmp_path: Path) -> None:
    said = (
        "cuda was asked for, and tiny openvino-fp32 computes on OpenVINO's CPU: openvino has no CUDAExecutionProvider"
    )
    with pytest.raises(UserError, match=said):
        open_sessions(of_openvino(tmp_path), "openvino-fp32", threads=1, count=1, provider="cuda")


def test_a_file_that_is_no_graph_is_one_line(tmp_path: Path) -> None:
    bundle = written(tmp_path)
    (bundle.root / FILE).write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"model\.onnx: onnxruntime cannot load it \(") as error:
        open_sessions(replace(bundle, files=bundles.checksums(bundle.root)), VARIANT, 1, 1, "cpu")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_the_one_that_was_exported_is_not_opened(tmp_path: Path) -> None:
    bundle = written(tmp_path)
    with (bundle.root / FILE).open("ab") as file:
        file.write(b"?")
    with pytest.raises(BundleError, match=r"model\.onnx: is damaged"):
        open_sessions(bundle, VARIANT, 1, 1, "cpu")
