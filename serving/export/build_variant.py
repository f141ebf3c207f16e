"""A variant of the reference: built, measured through the session that would serve it, and judged."""

import dataclasses
import shutil
from pathlib import Path

from torchferry.errors import UserError
from torchferry.files import sha256
from torchferry.serving.bundle.variant import Measured, Variant
from torchferry.serving.cpu import cores
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits, refusal
from torchferry.serving.export.checks.independence import Independence
from torchferry.serving.export.checks.whole_way import WholeWay
from torchferry.serving.export.golden_tolerance import GoldenTolerance
from torchferry.serving.export.numbered_strings import numbering
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.speed import measure_speed
from torchferry.serving.export.variants.builders import BUILDERS
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.export.variants.torch_program import reason
from torchferry.serving.session import Session, open_session
from torchferry.serving.session.capped_session import capped
from torchferry.serving.session.runtimes import RUNTIMES
from torchferry.whole_folder import FULL


@dataclasses.dataclass(frozen=True)
class Judges:
    """What every variant is held against."""

    expected: Expected
    independence: Independence
    way: WholeWay
    tolerance: GoldenTolerance


def built_variant(name: str, graphs: Graphs, judges: Judges, folder: Path, limits: Limits) -> Variant:
    """Its file is below `folder`. Raises CannotBuild also for what an exporter, a compiler or a runtime cannot make of
    the network: the other variants may do without it."""
    try:
        return _Judged(name, graphs.reference, judges, limits).built(graphs, folder)
    except (CannotBuild, UserError, OSError):
        raise
    except Exception as error:  # each library has many kinds of its own
        if shutil.disk_usage(folder).free < FULL:  # which ends the others as well
            raise
        raise CannotBuild(reason(_first_cause(error))) from error


def open_file(name: str, file: Path, reference: Reference, threads: int) -> Session:
    """The variant's session, which computes no more samples together than servers may."""
    inputs, outputs = ([spec.name for spec in specs] for specs in (reference.inputs, reference.outputs))
    session = capped(open_session(name, file, inputs, outputs, threads), reference.max_batch)
    opened: Session = numbering(session, reference.inputs, reference.outputs)
    return opened


class _Judged:
    def __init__(self, name: str, reference: Reference, judges: Judges, limits: Limits) -> None:
        self.name, self.reference, self.judges, self.limits = name, reference, judges, limits
        self.measured: dict[str, Measured] = {}
        """By what a file holds: the builder may have asked about the last one."""

    def built(self, graphs: Graphs, folder: Path) -> Variant:
        if RUNTIMES[self.name].lacks:
            raise CannotBuild(RUNTIMES[self.name].lacks)
        file = folder / "variants" / RUNTIMES[self.name].file
        file.parent.mkdir(parents=True, exist_ok=True)
        note = BUILDERS[self.name](graphs, file, self._refusal)
        session, speed = measure_speed(lambda: self._open(file), self.reference.test, cores())
        measured = self._measure(file, session)
        dependence = self.judges.independence.of(session, self.name)
        tolerance = self.judges.tolerance.of(session, measured, dependence)
        refused = refusal(measured, self.limits) or dependence.refusal or self.judges.way.refusal(session, tolerance)
        return Variant(
            status="refused" if refused else "accepted",
            reason=refused,
            note=note,
            file=file.relative_to(folder).as_posix(),
            bytes=file.stat().st_size,
            measured=measured,
            speed=speed,
            limits=dataclasses.asdict(self.limits),
            golden_tolerance=tolerance,
        )

    def _open(self, file: Path) -> Session:
        return open_file(self.name, file, self.reference, cores())

    def _measure(self, file: Path, session: Session | None = None) -> Measured:
        if (digest := sha256(file)) not in self.measured:
            self.measured[digest] = self.judges.expected.measure(session or self._open(file))
        return self.measured[digest]

    def _refusal(self, file: Path) -> str | None:
        return refusal(self._measure(file), self.limits)


def _first_cause(error: Exception) -> Exception:
    """torch.onnx's last exception gives advice; its first one names the operator that is to blame."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error
