"""The models by name and version, loaded and unloaded while requests go on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.errors import UnknownModel
from torchferry.serving.onnx_server.daemon_thread import in_daemon_thread
from torchferry.serving.onnx_server.models.absent import Absent
from torchferry.serving.onnx_server.models.model import Loaded, Model, chosen, load
from torchferry.serving.onnx_server.models.versions import STABLE, Channels, Versions
from torchferry.serving.onnx_server.sequence_parameters import InSequence
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.telemetry.metrics import Metrics
from torchferry.serving.session.onnx_session import Cancellation
from torchferry.serving.session.runtimes import ONNX, served_by


@dataclass(frozen=True)
class Source:
    """What is served under a name."""

    name: str
    bundle: Bundle
    variant: str


def sources(given: str, trusted: TrustedKeys | None, all_variants: bool = False) -> list[Source]:
    """What `BUNDLE` or `BUNDLE:VARIANT` stands for. Raises UserError."""
    path, variant = path_and_variant(given)
    bundle = bundles.load(path, trusted)
    if variant:
        check_variant(bundle, variant)
    found = [Source(bundle.name, bundle, variant or chosen(bundle).variant)]
    if all_variants:
        found += [Source(f"{bundle.name}-{name}", bundle, name) for name in served_by(ONNX, bundle.accepted)]
    return found


def path_and_variant(given: str) -> tuple[Path, str]:
    """`variant` is empty where none is named; a folder's own name may hold a colon. Raises UserError."""
    path, _, variant = given.rpartition(":") if not _exists(given) else (given, "", "")
    return Path(path or given), variant


def check_variant(bundle: Bundle, variant: str) -> None:
    """Raises UserError unless it is one that may be served here."""
    if variant not in (served := served_by(ONNX, bundle.accepted)):
        names = ", ".join(served) or "none"
        raise UserError(f"{bundle.root}:{variant}: the bundle's accepted variants for this server are {names}")


def _exists(given: str) -> bool:
    try:
        return Path(given).exists()
    except OSError as error:  # a name that is too long, or a folder that may not be searched
        raise UserError(f"{given[:200]}: cannot be looked up ({error.strerror})") from error


class Repository:
    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self.models: dict[str, Versions] = {}
        """By name."""
        self.absent = Absent(metrics)
        self.changed: Callable[[], None] = lambda: None
        """Called when there is a model more or less."""

    def __iter__(self) -> Iterator[Model]:
        return (model for versions in self.models.values() for model in versions)

    def find(self, name: str, version: str = "") -> Model:
        """`version` may be a channel's name; without it the channels' weights decide.

        Raises Unavailable for what is known and cannot answer now, else UnknownModel.
        """
        try:
            if self.absent.is_starting:
                raise UnknownModel(f"there is no model '{name}'")
            return self.versions(name).find(version)
        except UnknownModel as error:
            raise self.absent.why(name, version, is_empty=not self.models) or error from None

    def versions(self, name: str) -> Versions:
        """Raises UnknownModel."""
        if name not in self.models:
            raise UnknownModel(f"there is no model '{name}'; there are {', '.join(self.models) or 'none'}")
        return self.models[name]

    def keeping(self, drawn: Model, owner: str, asked: InSequence) -> Model:
        """The version that has the sequence, where a request names none; one that begins anew is where it was drawn to,
        and is kept nowhere else."""
        for model in self.models.get(drawn.name, ()):
            if model is not drawn and model.sequences.keeps(owner, asked):
                if not asked.start:
                    return drawn if drawn.sequences.keeps(owner, asked) else model
                model.sequences.forget(owner, asked)
        return drawn

    def begun(self, channels: Mapping[str, Channels]) -> None:
        """From here on requests are answered, by the versions that the channels mean; a channel whose version could not
        be loaded is left out. Raises UserError."""
        for name, meant in channels.items():
            there = self.models[name].models if name in self.models else {}
            loaded = {key: channel for key, channel in meant.items() if channel.version in there}
            self.absent.leave_out(name, {key: meant[key].version for key in meant.keys() - loaded.keys()})
            if there:
                versions = self.models[name]
                versions.direct({STABLE: versions.channels[STABLE], **loaded})
        self.absent.begun()
        self.changed()

    async def load(self, source: Source, channel: str | None = STABLE, weight: float = 0.0) -> Model:
        """Serve it and make `channel` mean it, if one is named; a version that is served already is replaced.

        No request is lost meanwhile. Raises UserError.
        """
        key = (source.name, source.bundle.version)
        with self.absent.being_loaded(key):
            loaded = await self._loaded(source)
        model = Model(source.name, loaded, self.settings)
        try:
            versions = self.models.get(source.name, Versions(source.name))
            before = versions.put(model, channel, weight)
        except UserError:
            # Its threads were started already.
            model.scheduler.close()
            raise
        self.models[source.name] = versions
        self.metrics.loaded(model)
        self.changed()
        if before:
            model.sequences.follow(before.sequences, f"{model.name} {model.version} was loaded anew")
            await before.close()
        return model

    async def _loaded(self, source: Source) -> Loaded:
        """Within the time that loading has; whoever waits for it no longer ends it. Raises UserError."""
        cancellation, seconds = Cancellation(), self.settings.load_timeout
        try:
            async with asyncio.timeout(seconds) as limit:
                return await in_daemon_thread(load, source.bundle, source.variant, self.settings, cancellation)
        except BaseException as error:
            cancellation.cancel()
            if isinstance(error, TimeoutError) and limit.expired():
                name = f"{source.name} {source.bundle.version}"
                raise UserError(
                    f"{name}: was not loaded and checked within {seconds:g} s; --load-timeout gives it more"
                ) from error
            if isinstance(error, Exception) and not isinstance(error, UserError):  # ONNX Runtime has many
                said = " ".join(str(error).split())[:300]
                raise UserError(f"{source.bundle.root}: cannot be served ({type(error).__name__}: {said})") from error
            raise

    async def unload(self, name: str, version: str = "") -> None:
        """Stop serving a version, or all of them, once their requests are answered, and forget those that could not be
        loaded. Raises UnknownModel."""
        if self.absent.forget(name, version) and not self._has(name, version):
            return
        versions = self.versions(name)
        going = [versions.remove(key) for key in ([versions.find(version).version] if version else [*versions.models])]
        if not versions.models:
            del self.models[name]
        for model in going:
            for other in versions:
                other.sequences.follow(model.sequences, f"its version {model.version} was unloaded")
            self.metrics.unloaded(model)
        self.changed()
        # No request finds them any more, so those that they have are the last.
        for model in going:
            await model.close()

    async def close(self) -> None:
        for name in list(self.models):
            await self.unload(name)

    def _has(self, name: str, version: str) -> bool:
        return name in self.models and (not version or version in self.models[name].models)
