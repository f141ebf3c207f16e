"""A file of weights that is given as a model: whose they are, and the command that takes them."""

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torchferry.errors import UserError
from torchferry.serving.export.external.huggingface.model_folder import WEIGHTS, is_model_folder
from torchferry.training.models.state_dicts import AVERAGE, state_dicts
from torchferry.training.models.weights_file import is_safetensors, read

LIGHTNING = "pytorch-lightning_version"
WRAPPER = re.compile(r"(model|module|net|network|backbone|encoder)\.")
"""What a program puts before the names of the network that it trains."""
OF_TIMM = 2
"""The version that timm's checkpoints say; those of PyTorch's ImageNet example have an arch too, of torchvision's."""
PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def is_checkpoint(path: Path, names: Sequence[str]) -> bool:
    """A pickle, in a zip archive or not, or safetensors. `names` are those in it, if it is an archive."""
    if names:
        return any(name.endswith("data.pkl") for name in names)
    with path.open("rb") as file:
        start = file.read(9)
    return start[:1] == b"\x80" or is_safetensors(start)


def way_with(path: Path) -> str:
    """What it is, and the command. Raises UserError for one that holds more than tensors, or cannot be read."""
    if path.name in WEIGHTS and is_model_folder(path.parent) and (path.parent / "config.json").is_file():
        return f"{path}: holds the weights of a folder; give that: torchferry export {shlex.quote(str(path.parent))}"
    try:
        content = read(path)
        held = state_dicts(content, str(path))
    except UserError as error:
        raise UserError(str(error).removeprefix("weights.source: ")) from error
    keys = [key for key in held if not AVERAGE.search(key)] or list(held)
    names = list(held[keys[0]])
    model, words = _network(content)
    prefix = _prefix(names)
    of_prefix = f" --weights-prefix {prefix}" if prefix else ""
    command = f"torchferry export --model {model} --weights {shlex.quote(str(path))}{of_prefix} --input KIND"
    return f"{path}: {words} and no graph; name its network: {command}{_whole(prefix, content)}"


def _network(content: Any) -> tuple[str, str]:
    """What goes to --model, as far as the file says it, and what the file is."""
    if not isinstance(content, Mapping):
        return "MODULE:CLASS", "holds weights"
    if LIGHTNING in content:
        named = content.get("hyper_parameters")
        found = named.get("_class_path") if isinstance(named, Mapping) else None
        model = found if isinstance(found, str) and PATH.fullmatch(found) else "MODULE:CLASS"
        return model, "is a checkpoint of Lightning's, which holds weights"
    arch = content.get("arch")
    if isinstance(arch, str) and re.fullmatch(r"[\w.-]+", arch) and "state_dict" in content:
        model = f"timm/{arch}" if content.get("version") == OF_TIMM else "MODULE:CLASS"
        return model, f"is a training checkpoint of the architecture {arch}, which holds weights"
    return "MODULE:CLASS", "holds weights"


def _prefix(names: Sequence[str]) -> str:
    """Of the network in what was trained, if most names have one that says so."""
    counted = Counter(found.group() for name in names if (found := WRAPPER.match(name)))
    (prefix, count) = counted.most_common(1)[0] if counted else ("", 0)
    return prefix if count * 2 > len(names) else ""


def _whole(prefix: str, content: Any) -> str:
    if prefix and isinstance(content, Mapping) and LIGHTNING in content:
        return f"; of the LightningModule itself leave {prefix} out"
    return ""
