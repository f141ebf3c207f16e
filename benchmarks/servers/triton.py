"""Triton's Python backend: the tritonserver binary of the wheel nvidia-pytriton, and a model that calls onnxruntime in
a process of its own. Triton's ONNX Runtime backend, all C++, is in no wheel."""

import os
import shutil
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from torchferry.benchmarks.servers.environment import site_packages
from torchferry.benchmarks.servers.installed import Installed
from torchferry.benchmarks.servers.peer import DELAY_MS, Job
from torchferry.benchmarks.servers.ports import free_port
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served, answers, infer, target_of
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import triton_type

MODEL = Path(__file__).parent / "apps" / "triton_model.py"


class Triton(Installed):
    pins = "triton"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.packages = site_packages(self.environment)
        self.server = self.packages / "pytriton" / "tritonserver"
        self.repository, self.backends = job.folder / "triton-models", job.folder / "triton-backends"
        self._lay_out_backend()
        self._lay_out_model()

    def _lay_out_backend(self) -> None:
        """What the wheel keeps apart: the Python backend, and beside it the stub for this version of Python."""
        version = sysconfig.get_python_version()
        stub = self.server / "python_backend_stubs" / version / "triton_python_backend_stub"
        if not stub.exists():
            raise Unavailable(f"nvidia-pytriton has no stub of its Python backend for Python {version}")
        backend = shutil.copytree(self.server / "backends" / "python", self.backends / "python")
        shutil.copy(stub, backend)

    def _lay_out_model(self) -> None:
        model = self.repository / self.job.bundle.name
        (model / "1").mkdir(parents=True)
        shutil.copyfile(MODEL, model / "1" / "model.py")
        shutil.copytree(self.job.model.parent, model / "1", dirs_exist_ok=True)  # with weights that lie beside it
        (model / "config.pbtxt").write_text(self._config())

    def _config(self) -> str:
        bundle, parameters = self.job.bundle, {"threads": self.job.threads, "EXECUTION_ENV_PATH": self.environment}
        batching = self.job.max_batch > 1
        lines = [f'name: "{bundle.name}"', 'backend: "python"', "instance_group [{ kind: KIND_CPU count: 1 }]"]
        lines += [f"max_batch_size: {self.job.max_batch if batching else 0}"]
        lines += [f"dynamic_batching {{ max_queue_delay_microseconds: {1000 * DELAY_MS} }}"] if batching else []
        lines += _tensors("input", bundle.inputs, batching) + _tensors("output", bundle.outputs, batching)
        for key, value in parameters.items():
            lines.append(f'parameters [{{ key: "{key}" value: {{ string_value: "{value}" }} }}]')
        return "\n".join(lines) + "\n"

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, name, port = self.job, self.job.bundle.name, free_port()
        command = [self.server / "bin" / "tritonserver", "--model-repository", self.repository]
        command += ["--backend-directory", self.backends]
        for service, its_port in (("http", port), ("grpc", free_port()), ("metrics", free_port())):
            command += [f"--{service}-address", "127.0.0.1", f"--{service}-port", its_port]
        url = f"http://127.0.0.1:{port}"
        with process(command, folder / "log", job.cpus, self._libraries()) as running:
            running.until(lambda: answers(f"{url}/v2/health/ready"))
            target = target_of(job, url, name, "rest-binary")
            yield Served(
                process=running,
                server=f"{target.server or 'triton'}, Python backend",
                threads=job.threads,
                golden=self._golden(infer(job, url, name)),
                target=target,
            )

    def _golden(self, answered: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """In the bundle's shapes: what has the batch axis alone, Triton says with one more of length 1."""
        flat = {spec.name for spec in self.job.bundle.outputs if len(spec.shape) == 1}
        return {name: values.reshape(-1) if name in flat else values for name, values in answered.items()}

    def _libraries(self) -> dict[str, str]:
        """The stub wants Python's library, and was moved away from the wheel's."""
        paths = [sysconfig.get_config_var("LIBDIR"), str(self.packages / "nvidia_pytriton.libs")]
        return {"LD_LIBRARY_PATH": os.pathsep.join([*paths, os.environ.get("LD_LIBRARY_PATH", "")]).rstrip(os.pathsep)}


def _tensors(kind: str, specs: Sequence[TensorSpec], batching: bool) -> list[str]:
    """Where it batches, Triton puts the first dimension in front itself; it knows no tensor of that alone."""
    lines = []
    for spec in specs:
        dims = list(spec.shape[batching:])
        shape = f"dims: {dims}" if dims else "dims: [1] reshape { shape: [] }"
        lines.append(f'{kind} [{{ name: "{spec.name}" data_type: {triton_type(spec.datatype)} {shape} }}]')
    return lines
