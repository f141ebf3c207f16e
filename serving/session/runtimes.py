"""The variants, a row each: what makes and runs it, how exactly it computes, and who serves it."""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

ONNX, TORCHSERVE = SERVERS = ("onnx", "torchserve")
"""The servers, by what `up --runtime` calls them."""
TORCH, ONNXRUNTIME, OPENVINO = "torch", "onnxruntime", "openvino"
EXTRAS = {TORCH: "serve", ONNXRUNTIME: "onnx-server", OPENVINO: "openvino"}
"""By package the extra of torchferry's that brings it."""
Rounding = Literal["fp32", "fp16", "int8"]
EXACT, *_ = ROUNDINGS = get_args(Rounding)
"""Float32 is the checkpoint's own; the others are ordered by what they lose."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    variant: str
    package: str
    """Which computes it, and is needed wherever it is made or served."""
    session: str
    """Import path of the class whose objects are a `Session`."""
    builder: str
    """Import path of the function that makes the file."""
    file: str
    """Below the bundle's `variants/`. Variants may share one: it is made once."""
    rounding: Rounding = "fp32"
    """What it is judged by: an exact one by its numbers, another by what it is for."""
    triton: str | None = None
    """Triton's backend that takes the file as it is."""
    usual: bool = False
    """Whether it is exported where none is named: it needs neither a compiler nor a GPU nor an extra of its own."""
    explains: bool = False
    """Whether it has gradients."""

    @property
    def exact(self) -> bool:
        return self.rounding == EXACT

    @property
    def servers(self) -> tuple[str, ...]:
        """Ours lives without torch."""
        return (TORCHSERVE,) if self.package == TORCH else SERVERS

    @property
    def lacks(self) -> str | None:
        """What has to be installed before it can be made or served, or None."""
        if importlib.util.find_spec(self.package):
            return None
        return f"{self.variant} needs {self.package}; pip install 'torchferry[{EXTRAS[self.package]}]'"


_SESSION, _VARIANTS = "torchferry.serving.session", "torchferry.serving.export.variants"
_ROWS = (
    Runtime(
        variant="torch",
        package=TORCH,
        session=f"{_SESSION}.torch_session:TorchSession",
        builder=f"{_VARIANTS}.variants:torch_program",
        file="torch/model.pt2",
        usual=True,
        explains=True,
    ),
    Runtime(
        variant="torch-compile",
        package=TORCH,
        session=f"{_SESSION}.compiled_session:CompiledSession",
        builder=f"{_VARIANTS}.variants:torch_compile",
        file="torch/model.pt2",
    ),
    Runtime(
        variant="torch-aoti",
        package=TORCH,
        session=f"{_SESSION}.aoti_session:AotiSession",
        builder=f"{_VARIANTS}.variants:torch_aoti",
        file="torch-aoti/model.pt2",
    ),
    Runtime(
        variant="onnx-fp32",
        package=ONNXRUNTIME,
        session=f"{_SESSION}.onnx_session:OnnxSession",
        builder=f"{_VARIANTS}.variants:onnx_fp32",
        file="onnx-fp32/model.onnx",
        triton="onnxruntime",
        usual=True,
    ),
    Runtime(
        variant="onnx-fp16",
        package=ONNXRUNTIME,
        session=f"{_SESSION}.onnx_session:OnnxSession",
        builder=f"{_VARIANTS}.variants:onnx_fp16",
        file="onnx-fp16/model.onnx",
        rounding="fp16",
        triton="onnxruntime",
    ),
    Runtime(
        variant="onnx-int8",
        package=ONNXRUNTIME,
        session=f"{_SESSION}.onnx_session:OnnxSession",
        builder=f"{_VARIANTS}.variants:onnx_int8",
        file="onnx-int8/model.onnx",
        rounding="int8",
        triton="onnxruntime",
        usual=True,
    ),
    Runtime(
        variant="openvino-fp32",
        package=OPENVINO,
        session=f"{_SESSION}.openvino_session:OpenVinoSession",
        builder=f"{_VARIANTS}.openvino_graph:openvino_fp32",
        file="openvino-fp32/model.onnx",
    ),
    Runtime(
        variant="openvino-int8",
        package=OPENVINO,
        session=f"{_SESSION}.openvino_session:OpenVinoSession",
        builder=f"{_VARIANTS}.openvino_graph:openvino_int8",
        file="onnx-int8/model.onnx",
        rounding="int8",
    ),
)
RUNTIMES = {row.variant: row for row in _ROWS}


def rows_of(variants: Iterable[str]) -> list[Runtime]:
    """In their order; a variant of another version of torchferry has none here."""
    return [RUNTIMES[name] for name in variants if name in RUNTIMES]


def served_by(server: str, variants: Iterable[str]) -> list[str]:
    """Those of them that the server takes."""
    return [row.variant for row in rows_of(variants) if server in row.servers]


def by_preference(variants: Iterable[str]) -> list[str]:
    """Those first that serve where nothing speaks for another: what both servers take before what one does, exact
    before rounded, and what needs no extra package before what does. Those without a row come last."""

    def place(name: str) -> tuple[bool, bool, int, bool, int]:
        if (row := RUNTIMES.get(name)) is None:
            return (True, True, 0, True, 0)
        alone, own = len(row.servers) < 2, row.package not in (TORCH, ONNXRUNTIME)
        return (False, alone, ROUNDINGS.index(row.rounding), own, list(RUNTIMES).index(name))

    return sorted(variants, key=place)


FIRST = by_preference(RUNTIMES)[0]
"""The one to name where any will do: exact, and both servers take it."""
