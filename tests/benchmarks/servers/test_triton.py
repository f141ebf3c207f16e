"""Triton's Python backend: the backend and the model are laid out as it wants them, from what the wheel keeps apart."""

import os
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import a_bundle, a_job
from torchferry.benchmarks.servers.environment import site_packages
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.triton import Triton
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.bundle.tensor_spec import TensorSpec


@pytest.fixture
def wheel(installed: Callable[[str], Path]) -> Path:
    """As nvidia-pytriton is unpacked."""
    server = site_packages(installed("triton")) / "pytriton" / "tritonserver"
    stubs = server / "python_backend_stubs" / sysconfig.get_python_version()
    for folder in (server / "backends" / "python", stubs):
        folder.mkdir(parents=True)
    (server / "backends" / "python" / "libtriton_python.so").touch()
    (stubs / "triton_python_backend_stub").touch()
    return server


def config(job: Job) -> list[str]:
    Triton(job)
    return (job.folder / "triton-models" / job.bundle.name / "config.pbtxt").read_text().splitlines()


@pytest.mark.usefixtures("wheel")
def test_the_stub_is_beside_the_backend_and_the_model_beside_its_code(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    Triton(job)
    backend, model = job.folder / "triton-backends" / "python", job.folder / "triton-models" / "tiny" / "1"
    assert {path.name for path in backend.iterdir()} == {"libtriton_python.so", "triton_python_backend_stub"}
    assert (model / "model.onnx").read_bytes() == job.model.read_bytes()
    assert "class TritonPythonModel" in (model / "model.py").read_text()


def test_without_a_stub_for_this_python_it_is_missing(wheel: Path, tmp_path: Path) -> None:
    (wheel / "python_backend_stubs" / sysconfig.get_python_version() / "triton_python_backend_stub").unlink()
    with pytest.raises(
        Unavailable, match=f"has no stub of its Python backend for Python {sysconfig.get_python_version()}"
    ):
        Triton(a_job(tmp_path))


@pytest.mark.usefixtures("wheel")
def test_its_configuration_has_whole_shapes_where_it_does_not_batch(tmp_path: Path) -> None:
    lines = config(a_job(tmp_path))
    assert "max_batch_size: 0" in lines
    assert not any("dynamic_batching" in line for line in lines)
    assert 'input [{ name: "image" data_type: TYPE_UINT8 dims: [-1, 1, 2, 2] }]' in lines
    assert 'output [{ name: "pixels" data_type: TYPE_FP32 dims: [-1, 4] }]' in lines
    assert 'parameters [{ key: "threads" value: { string_value: "2" } }]' in lines


@pytest.mark.usefixtures("wheel")
def test_where_it_batches_it_puts_the_first_dimension_itself(tmp_path: Path) -> None:
    of_the_batch_alone = (TensorSpec(name="value", datatype="FP32", shape=(-1,)),)
    bundle = a_bundle(tmp_path / "other", outputs=of_the_batch_alone)
    lines = config(a_job(tmp_path, bundle=bundle, max_batch=8))
    assert "max_batch_size: 8" in lines
    assert "dynamic_batching { max_queue_delay_microseconds: 2000 }" in lines
    assert 'input [{ name: "image" data_type: TYPE_UINT8 dims: [1, 2, 2] }]' in lines
    assert 'output [{ name: "value" data_type: TYPE_FP32 dims: [1] reshape { shape: [] } }]' in lines


def test_it_is_started_on_this_machine_alone_with_the_libraries_of_the_wheel(
    wheel: Path, tmp_path: Path, start_of: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    start = start_of(Triton(a_job(tmp_path)))
    assert start.words[0] == str(wheel / "bin" / "tritonserver")
    assert [start.option(f"--{of}-address") for of in ("http", "grpc", "metrics")] == ["127.0.0.1"] * 3
    libraries = start.environment["LD_LIBRARY_PATH"].split(os.pathsep)
    assert str(wheel.parents[1] / "nvidia_pytriton.libs") in libraries
    assert "" not in libraries  # which would be the current folder
