"""A file's names of weights read as a network's: with what wrappers put before them taken off, or put before them."""

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from torch import nn

# What torch's wrappers put in the middle of a name.
WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
# torchvision's own renaming of the files that it offers for DenseNet.
DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")
COUNTER = "num_batches_tracked"
"""BatchNorm's; old files have none, which torch's strict load allows, and frozen BatchNorm takes none."""
AVERAGED = "n_averaged"
"""What torch.optim.swa_utils.AveragedModel counts beside its `module.`."""


@dataclass(frozen=True)
class Names:
    """The names a network has to find in a file."""

    own: Collection[str]
    skipped: tuple[str, ...]
    """Beginnings of those that stay as they are."""
    ties: dict[str, list[str]]
    """To each name those of the same tensor."""

    @property
    def wanted(self) -> list[str]:
        return [name for name in self.own if not self.skips(name)]

    def skips(self, name: str) -> bool:
        return bool(self.skipped) and name.startswith(self.skipped)


def names_of(network: nn.Module, skipped: Sequence[str]) -> Names:
    own = network.state_dict(keep_vars=True)
    same: dict[int, list[str]] = {}
    for name, value in own.items():
        same.setdefault(id(value), []).append(name)
    return Names(own.keys(), tuple(skipped), {name: same[id(value)] for name, value in own.items()})


@dataclass(frozen=True)
class Reading:
    """One way to read a file's names."""

    files: dict[str, str]
    """To each name that the network wants and finds, that in the file."""
    how: tuple[str, ...]
    """What was done to the file's names, in words."""
    missing: list[str]
    extra: list[str]
    left_out: list[str]
    """The file's, though the network has no place for them: they were skipped, or are counters."""

    @property
    def fits(self) -> bool:
        return not self.missing and not self.extra


def read_names(given: Collection[str], names: Names) -> Reading:
    """The first reading that fits, or else that which finds the most."""
    best: Reading | None = None
    for how, renamed in _renamings(list(given), names):
        reading = _reading(renamed, how, names)
        if reading.fits:
            return reading
        if best is None or len(reading.files) > len(best.files):
            best = reading
    assert best is not None  # the first renaming is none at all
    return best


def prefixes_that_fit(given: Collection[str], names: Names) -> list[str]:
    """Beginnings of only some of the file's names, after which it has all that the network wants."""
    wanted, there = [name for name in names.wanted if not name.endswith(COUNTER)], set(given)
    if not wanted:
        return []
    ends = [name.removesuffix(wanted[0]) for name in given if name.endswith(f".{wanted[0]}")]
    return [prefix for prefix in ends if all(prefix + name in there for name in wanted)]


def _reading(renamed: dict[str, str], how: tuple[str, ...], names: Names) -> Reading:
    files, missing = {}, []
    for name in names.wanted:
        found = next((renamed[other] for other in (name, *names.ties[name]) if other in renamed), None)
        if found is not None:
            files[name] = found
        elif not _is(name, COUNTER):
            missing.append(name)
    rest = [name for name in renamed if name not in files]
    left_out = [name for name in rest if names.skips(name) or _is(name, COUNTER) or name == AVERAGED]
    return Reading(files, how, missing, [name for name in rest if name not in left_out], left_out)


def _is(name: str, last: str) -> bool:
    return name.rpartition(".")[2] == last


Renaming = tuple[tuple[str, ...], dict[str, str]]
"""What was done in words, and to each new name the file's."""


def _renamings(given: list[str], names: Names) -> Iterator[Renaming]:
    """From none at all to those that change more."""
    plain = {_plain(name): name for name in given}
    yield from _prefixes((), {name: name for name in given}, names)
    if changed := next(((name, new) for new, name in plain.items() if new != name), None):
        yield from _prefixes((f"renamed, such as {changed[0]} to {changed[1]}",), plain, names)


def _prefixes(how: tuple[str, ...], named: dict[str, str], names: Names) -> Iterator[Renaming]:
    yield how, named
    for prefix in _common([name for name in named if name != AVERAGED]):  # which has none
        without = {name.removeprefix(prefix): file for name, file in named.items()}
        yield (*how, f"without '{prefix}' before its names"), without
    for prefix in _common(names.wanted):
        yield (*how, f"with '{prefix}' before its names"), {prefix + name: file for name, file in named.items()}


def _plain(name: str) -> str:
    name = ".".join(part for part in name.split(".") if part not in WRAPPERS)
    return DENSENET.sub(r"\1\2", name)


def _common(names: Collection[str]) -> list[str]:
    """The beginnings, up to a dot, that all names share, the shortest first."""
    first, last = min(names, default=""), max(names, default="")  # what these two share, all do
    shared = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return [shared[: dot.end()] for dot in re.finditer(r"\.", shared)]
