"""A variant of the reference: built, measured through the session that would serve it, and judged."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from torchferry.errors import UserError
from torchferry.files import sha256
from torchferry.serving.bundle.variant import Measured, OnProvider, Variant
from torchferry.serving.cpu import cores
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits, refusal
from torchferry.serving.export.checks.independence import Independence
from torchferry.serving.export.checks.other_sizes import OtherSizes
from torchferry.serving.export.checks.padding import Padding
from torchferry.serving.export.checks.state_chain import StateChain
from torchferry.serving.export.checks.whole_way import WholeWay
from torchferry.serving.export.golden_tolerance import GoldenTolerance
from torchferry.serving.export.numbered_strings import numbering
from torchferry.serving.export.onnx_graphs.weights import bytes_of, files_of
from torchferry.serving.export.provider_gate import CPU_ALONE, Providers, on_providers
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.speed import measure_speed
from torchferry.serving.export.variants.builders import BUILDERS
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.session import Session, open_session
from torchferry.serving.session.capped_session import capped
from torchferry.serving.session.providers import session_arguments
from torchferry.serving.session.runtime_words import in_our_words
from torchferry.serving.session.runtimes import ONNXRUNTIME, RUNTIMES
from torchferry.whole_folder import FULL


@dataclasses.dataclass(frozen=True)
class Judges:
    """What every variant is held against."""

    expected: Expected
    independence: Independence
    way: WholeWay
    sizes: OtherSizes
    padding: Padding
    tolerance: GoldenTolerance
    chain: StateChain
    providers: Providers = CPU_ALONE
    """That graphs of ONNX Runtime's are measured on, beside the CPU."""


def built_variant(name: str, graphs: Graphs, judges: Judges, folder: Path, limits: Limits) -> Variant:
    """Its file is below `folder`. Raises CannotBuild also for what an exporter, a compiler or a runtime cannot make of
    the network: the other variants may do without it."""
    try:
        return _Judged(name, graphs.reference, judges, limits).built(graphs, folder)
    except (CannotBuild, UserError):
        raise
    except Exception as error:  # each library has many kinds of its own
        if shutil.disk_usage(graphs.scratch).free < FULL:
            full = f"{graphs.scratch.parent}: no space is left on its disk for what a variant is made of"
            raise UserError(f"{full}; name a folder on another with TMPDIR") from error
        if isinstance(error, OSError) or shutil.disk_usage(folder).free < FULL:  # which ends the others as well
            raise
        raise CannotBuild(in_our_words(_first_cause(error))) from error


def open_file(name: str, file: Path, reference: Reference, threads: int, **given: Any) -> Session:
    """The variant's session, which computes no more samples together than servers may."""
    inputs, outputs = ([spec.name for spec in specs] for specs in (reference.inputs, reference.outputs))
    session = capped(open_session(name, file, inputs, outputs, threads, **given), reference.max_batch)
    opened: Session = numbering(session, reference.inputs, reference.outputs)
    return opened


class _Judged:
    def __init__(self, name: str, reference: Reference, judges: Judges, limits: Limits) -> None:
        self.name, self.reference, self.judges, self.limits = name, reference, judges, limits
        self.measured: dict[tuple[str, ...], Measured] = {}
        """By what its files hold: the builder may have asked about the last ones."""

    def built(self, graphs: Graphs, folder: Path) -> Variant:
        if RUNTIMES[self.name].lacks:
            raise CannotBuild(RUNTIMES[self.name].lacks)
        file = folder / "variants" / RUNTIMES[self.name].file
        file.parent.mkdir(parents=True, exist_ok=True)
        note = BUILDERS[self.name](graphs, file, self._refusal)
        self._check_shapes(file)
        session, speed = measure_speed(lambda: self._open(file), self.reference.test, cores())
        measured = self._measure(file, session)
        dependence = self.judges.independence.of(session, self.name)
        tolerance = self.judges.tolerance.of(session, measured, dependence)
        refused = (
            refusal(measured, self.limits)
            or dependence.refusal
            or self.judges.sizes.refusal(session, self.name, measured)
            or self.judges.padding.refusal(session, self.name)
            or self.judges.chain.refusal(session, self.limits)
            or self.judges.way.refusal(session, tolerance)
        )
        return Variant(
            status="refused" if refused else "accepted",
            reason=refused,
            note=note,
            file=file.relative_to(folder).as_posix(),
            bytes=bytes_of(file),
            measured=measured,
            speed=speed,
            limits=dataclasses.asdict(self.limits),
            golden_tolerance=tolerance,
            providers={} if refused else self._on_providers(file),
        )

    def _on_providers(self, file: Path) -> dict[str, OnProvider]:
        if RUNTIMES[self.name].package != ONNXRUNTIME:
            return {}

        def opened(provider: str) -> Session:
            threads = cores()
            return open_file(self.name, file, self.reference, threads, **session_arguments(provider, threads))

        return on_providers(self.judges.providers, opened, self.judges.expected, self.limits)

    def _check_shapes(self, file: Path) -> None:
        """A runtime may read an operator otherwise than the checkpoint does. Raises CannotBuild."""
        sample = self.reference.test.first(1)
        answered, expected = self._open(file).run(sample), self.reference.run(sample)
        for name, values in expected.items():
            if answered[name].shape != values.shape:
                shapes = f"{list(answered[name].shape)} instead of {list(values.shape)}"
                raise CannotBuild(f"{RUNTIMES[self.name].package} gives '{name}' as {shapes}")

    def _open(self, file: Path) -> Session:
        return open_file(self.name, file, self.reference, cores())

    def _measure(self, file: Path, session: Session | None = None) -> Measured:
        if (digests := tuple(map(sha256, files_of(file)))) not in self.measured:
            self.measured[digests] = self.judges.expected.measure(session or self._open(file))
        return self.measured[digests]

    def _refusal(self, file: Path) -> str | None:
        return refusal(self._measure(file), self.limits)


def _first_cause(error: Exception) -> Exception:
    """torch.onnx's last exception gives advice; its first one names the operator that is to blame."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error
