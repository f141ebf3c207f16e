"""A part is named, by our own name or by an import path, and whatever does not fit is one line."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.commands import ROOT, run_python
from tests.training.data.sources import refusal
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build, one_line
from torchferry.training.errors import CorruptSample

KNOWN: dict[str, Callable[..., Any]] = {"pair": lambda first, second=2: (first, second), "one": lambda: 1}


def of(name: str, **args: Any) -> Component:
    return Component(name=name, args=args)


def fails(what: str) -> None:
    raise ValueError(f"no {what}\n  at all")


def refuses() -> None:
    raise CorruptSample("sample 3 is cut")


def test_what_is_given_comes_before_its_own_arguments() -> None:
    assert build(of("pair", second=5), KNOWN, "loss", 4) == (4, 5)
    assert build(of("pair"), KNOWN, "loss", 4) == (4, 2)


def test_any_class_goes_by_its_import_path() -> None:
    built = build(of("torch.nn.Linear", in_features=3, out_features=2), KNOWN, "model")
    assert isinstance(built, torch.nn.Linear)


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (of("three"), "loss.name: 'three' is not one of one, pair, nor an import path like package.module.Name"),
        (of("no_such.module.Name"), "loss.name: cannot import 'no_such.module.Name': ModuleNotFoundError: "),
        (of("pear"), "loss.name: there is no 'pear'; did you mean pair?"),
        (of("PAIR"), "loss.name: there is no 'PAIR'; did you mean pair?"),
        (of("torch.nn.Lineal"), "'torch.nn.Lineal': torch.nn has no Lineal; did you mean torch.nn.Linear?"),
        (of("torch.nn.linear"), "did you mean torch.nn.Linear?"),
        (of("torchvison.models.resnet18"), "; did you mean torchvision?"),
        (of("torch.nnn.Linear"), "No module named 'torch.nnn'; did you mean torch.nn?"),
        (of("tests.training.nest.Idle"), "did you mean tests.training.nets?"),
        (of("torch.nn.Zzzzzz"), "torch.nn has no Zzzzzz"),
        (of("math.pi"), "loss.name: 'math.pi' is a float, not a class or function"),
        (of("pair", second=3), "loss.args: missing a required argument: 'first' for pair"),
        (of("pair", secnd=3), "loss.args.secnd: unknown argument of pair; did you mean second?"),
        (of("pair", zzz=3), "loss.args.zzz: unknown argument of pair; it takes first, second"),
        (of("one", third=3), "loss.args.third: unknown argument of one; it takes none"),
        (
            of("torch.nn.Linear", in_feature=3),
            ".in_feature: unknown argument of torch.nn.Linear; did you mean in_features",
        ),
        (of("builtins.range"), "loss.name: builtins.range cannot be built from a recipe: no signature found"),
        (of(f"{__name__}.fails", what="luck"), ".fails could not be built: ValueError: no luck at all"),
    ],
)
def test_what_does_not_fit_is_named(component: Component, words: str) -> None:
    assert words in refusal(lambda: build(component, KNOWN, "loss"))


def test_a_refusal_of_the_part_itself_stays_as_it_is() -> None:
    with pytest.raises(CorruptSample, match=r"^sample 3 is cut$"):
        build(of(f"{__name__}.refuses"), KNOWN, "loss")


def test_an_error_is_one_line_with_its_kind() -> None:
    assert one_line(UserError("a\n   b\tc")) == "UserError: a b c"
    assert one_line(KeyError()) == "KeyError: "


def test_a_former_import_path_of_ours_means_the_same_class() -> None:
    former = build(of("training.models.seed_nets.DigitsCNN"), {}, "model")
    assert type(former).__module__ == "torchferry.training.models.seed_nets"


def test_a_former_name_of_ours_may_be_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "training" / "models").mkdir(parents=True)
    (tmp_path / "training" / "__init__.py").touch()
    (tmp_path / "training" / "models" / "seed_nets.py").write_text("class DigitsCNN: whose = 'theirs'\n")
    code = "from torchferry.training.config.instantiate import *; print(build(Component(name=NAME), {}, 'model').whose)"
    code = code.replace("NAME", "'training.models.seed_nets.DigitsCNN'")
    done = run_python("-c", code, cwd=tmp_path)
    assert done.stdout == "theirs\n", done.stderr


def test_without_a_checkout_a_former_name_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if Path(path).resolve() != ROOT])
    for name in ("training", "training.models"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    former = build(of("training.models.seed_nets.DigitsCNN"), {}, "model")
    assert type(former).__module__ == "torchferry.training.models.seed_nets"


def test_a_classmethod_goes_by_its_import_path_and_what_is_none_is_said() -> None:
    whole = build(of("pathlib.Path.cwd"), KNOWN, "model")
    assert whole == Path.cwd()
    assert build(of("collections.OrderedDict.fromkeys", iterable="ab"), KNOWN, "model") == {"a": None, "b": None}
    for name in ("pathlib.Path.now", "pathlib.Pth.cwd", "nowhere.Path.cwd", "pathlib.os.cwd"):
        with pytest.raises(UserError, match=rf"model.name: cannot import '{name}'"):
            build(of(name), KNOWN, "model")
