"""The parts of a .pt2 file that can be read without running anything of it: torch.export.load unpickles, evaluates
expressions and loads libraries.

A copy has the entries that a program is made of and no others, so that torch sees what was looked at here, also in an
archive that two readers read differently.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torchferry.errors import UserError

PROGRAM = "models/model.json"
KEPT = re.compile(
    r"models/model\.json|data/(weights|constants)/[\w.]+|data/sample_inputs/model\.pt|archive_\w+|byteorder|\.data/\w+"
)
OF_OBJECTS = ("custom_obj", "opaque_obj")
"""How the names begin of pickles of whatever somebody has registered with torch."""
OUTPUTS = "out_spec"
"""The key of the outputs' names, which may be any text."""
EXPRESSION = re.compile(r"[\w\s+\-*/%(),.<>=~&|]*")
SYMBOL = re.compile(r"[a-z]+\d+|\d[\d.e]*")
FUNCTIONS = """
    Symbol Integer Rational Float positive nonnegative negative nonzero integer real finite precision True False oo
    int_oo Add Mul Pow Abs Max Min Mod Eq Ne Lt Le Gt Ge Equality Unequality StrictLessThan LessThan And Or Not
    StrictGreaterThan GreaterThan floor ceiling Piecewise FloorDiv ModularIndexing Where PythonMod CleanDiv CeilToInt
    FloorToInt CeilDiv LShift RShift PowByNatural FloatPow FloatTrueDiv IntTrueDiv IsNonOverlappingAndDenseIndicator
    TruncToFloat TruncToInt RoundToInt RoundDecimal ToFloat Identity
"""
"""Of sympy, and of torch for it. What they are given in quotes they evaluate as well."""


def copied(path: Path, target: Path) -> None:
    """Raises UserError for a program with objects or expressions that are more than a program needs."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as made:
        roots = {name.partition("/")[0] for name in source.namelist()}
        for entry in source.infolist():
            name = entry.filename.partition("/")[2]
            if any(each in name for each in OF_OBJECTS):
                raise UserError(f"{path}: holds objects of its own ({name.rpartition('/')[2]}), which are not loaded; "
                                "export the network without them")  # fmt: skip
            if not KEPT.fullmatch(name):
                continue
            if len(roots) > 1 or entry.compress_type != zipfile.ZIP_STORED or entry.filename in made.namelist():
                raise UserError(f"{path}: is not as torch.export.save writes it; export the network again")
            if name == PROGRAM:
                _check_program(json.loads(source.read(entry)), path)
            with source.open(entry) as content, made.open(entry.filename, "w", force_zip64=True) as copy:
                shutil.copyfileobj(content, copy)


def _check_program(content: Any, path: Path) -> None:
    for key, text in _texts(content):
        if key == "expr_str" and not _is_arithmetic(text):
            raise UserError(f"{path}: its size '{text[:80]}' is no arithmetic of sizes, and is not evaluated")
        if (
            key not in ("expr_str", OUTPUTS) and "(" in text
        ):  # torch writes functions with these names in them, and runs those
            raise UserError(f"{path}: its name '{text[:80]}' could be code, and is not loaded")


def _is_arithmetic(text: str) -> bool:
    bare = re.sub(r"'([^']*)'", r" \1 ", text)
    names = re.findall(r"\w+(?:\.\w+)*", bare)
    return bool(EXPRESSION.fullmatch(bare)) and all(
        SYMBOL.fullmatch(name) or name in FUNCTIONS.split() for name in names
    )


def _texts(content: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All, each with the key that it is of, but for what a node says of where it was written."""
    if isinstance(content, str):
        yield key, content
    elif isinstance(content, list):
        for each in content:
            yield from _texts(each, key)
    elif isinstance(content, dict):
        for name, each in content.items():
            yield "", name
            if not (name == "metadata" and _is_note(each)):
                yield from _texts(each, name)


def _is_note(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and "expr_str" not in content
        and all(isinstance(each, str) for each in content.values())
    )
