"""Channels as they are written: on the command line and in the admin port's JSON."""

import argparse
from collections.abc import Mapping
from typing import Any

from torchferry.serving.codec.json_objects import check_names_read
from torchferry.serving.errors import WrongParameter
from torchferry.serving.onnx_server.models.versions import Channel, Channels

FORM = 'a version, or {"version": V, "weight": 0 to 1}'


def channel_option(text: str) -> tuple[str, str, Channel]:
    """The type of `--channel MODEL/CHANNEL=VERSION[@WEIGHT]`."""
    place, _, meaning = text.partition("=")
    model, _, name = place.partition("/")
    version, _, weight = meaning.partition("@")
    try:
        channel = Channel(version, float(weight or 0))
    except ValueError:
        channel = Channel("")
    if not (model and name and channel.version and 0 <= channel.weight <= 1):
        raise argparse.ArgumentTypeError(f"{text} is not MODEL/CHANNEL=VERSION[@WEIGHT], as digits/canary=1.1@0.1")
    return model, name, channel


def read_channels(given: Mapping[str, Any]) -> Channels:
    """JSON as {"stable": "1.0", "canary": {"version": "1.1", "weight": 0.1}}. Raises WrongParameter."""
    return {name: _read_channel(name, value) for name, value in given.items()}


def write_channels(channels: Channels) -> dict[str, Any]:
    return {name: {"version": channel.version, "weight": channel.weight} for name, channel in channels.items()}


def _read_channel(name: str, value: Any) -> Channel:
    match value:
        case str():
            return Channel(value)
        case {"version": str(version)}:
            check_names_read(value, {"version", "weight"}, f"'{name}'")
            return Channel(version, read_weight(value.get("weight", 0)))
    raise WrongParameter(f"'{name}' is {value!r}; give {FORM}")


def read_weight(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise WrongParameter(f"weight is {value!r}; give a share of the requests, 0 to 1")
