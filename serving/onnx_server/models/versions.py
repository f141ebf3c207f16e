"""The versions of one model, side by side, and which of them answers a request that names none."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torchferry.errors import UserError
from torchferry.serving.errors import UnknownModel
from torchferry.serving.onnx_server.models.model import Model

STABLE = "stable"
REMEMBERED = 20
"""Changes of the channels that rollback can take back."""


@dataclass(frozen=True)
class Channel:
    version: str
    weight: float = 0.0
    """Share of the requests that name no version, 0 to 1; `stable` has what the others leave."""


Channels = Mapping[str, Channel]


class Versions:
    """Of a name. There is always a channel `stable`, and its version is always loaded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.models: dict[str, Model] = {}
        """By version, in the order in which they were loaded."""
        self.channels: Channels = {}
        self.earlier: list[Channels] = []

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def find(self, wanted: str = "") -> Model:
        """A version, or the one that a channel of that name means, or one by the channels' weights.

        Raises UnknownModel.
        """
        if not wanted:
            return self.models[self._drawn() if len(self.channels) > 1 else self.channels[STABLE].version]
        if wanted in self.channels:
            return self.models[self.channels[wanted].version]
        if wanted not in self.models:
            raise UnknownModel(f"{self.name} has no version '{wanted}'; it has {', '.join(self.models)}")
        return self.models[wanted]

    def put(self, model: Model, channel: str | None, weight: float) -> Model | None:
        """Add a version and make `channel` mean it; returns the one of the same version that it takes the place of.

        Raises UserError, and then everything stays as it is.
        """
        before = self.models
        self.models = {key: other for key, other in before.items() if key != model.version} | {model.version: model}
        meant = {channel: Channel(model.version, weight)} if channel else {}
        try:
            # A model's first version becomes stable; a later one only where `channel` says so.
            self.direct({STABLE: Channel(model.version), **self.channels, **meant})
        except UserError:
            self.models = before
            raise
        return before.get(model.version)

    def direct(self, channels: Channels) -> None:
        """Make the channels these, all at once. Raises UserError, and then they stay as they are."""
        for name, channel in channels.items():
            if channel.version not in self.models:
                raise UserError(f"{name}: {self.name} {channel.version} is not loaded; {', '.join(self.models)} can be")
            if not 0 <= channel.weight <= 1:
                raise UserError(f"{name}: its weight is {channel.weight:g}; give a share of the requests, 0 to 1")
        if STABLE not in channels:
            raise UserError(f"{self.name}: needs a channel '{STABLE}'")
        given = sum(channel.weight for name, channel in channels.items() if name != STABLE)
        if given > 1 + 1e-9:  # sums of weights such as 0.1 are not exact
            raise UserError(f"{self.name}: the weights of its channels add up to {given:g}; give at most 1")
        settled = {**channels, STABLE: Channel(channels[STABLE].version, max(0.0, 1 - given))}
        if settled != self.channels:
            # The first channels take the place of none, so there is nothing to go back to.
            self.earlier = [*self.earlier, self.channels][-REMEMBERED:] if self.channels else []
            self.channels = settled

    def roll_back(self) -> None:
        """Take the last change of the channels back. Raises UserError."""
        if not self.earlier:
            raise UserError(f"{self.name}: its channels were not changed, so nothing can be taken back")
        gone = [channel.version for channel in self.earlier[-1].values() if channel.version not in self.models]
        if gone:
            raise UserError(f"{self.name} {gone[0]}: is not loaded any more; load it before rolling back to it")
        self.channels = self.earlier.pop()

    def remove(self, version: str) -> Model:
        """Take a version out, and the channels that mean it; `stable` then means the one that was loaded last."""
        model = self.models.pop(version)
        left = {name: channel for name, channel in self.channels.items() if channel.version != version}
        if self.models:
            # `left` comes after it: a stable that means another version stays.
            self.direct({STABLE: Channel(next(reversed(self.models))), **left})
        return model

    def _drawn(self) -> str:
        place = random.random()
        for channel in self.channels.values():
            place -= channel.weight
            if place < 0:
                return channel.version
        # Also where rounding leaves a little of `place` over.
        return self.channels[STABLE].version
