"""The kind of a folder that holds a model, found from the files in it."""

import json
import re
from enum import Enum
from pathlib import Path
from typing import Any

from torchferry.errors import UserError
from torchferry.run_folder import CONFIG as OF_RUN
from torchferry.serving.export.external.foreign_model import foreign_folder

CONFIG = "config.json"
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""In the order in which transformers looks for them."""
SNAPSHOT = re.compile(r".*/models--(?:[^/]*--)?(?P<name>[^/]+)/snapshots/[^/]+")
"""A model in Hugging Face's cache, whose last folder is called after a revision."""


class FolderKind(Enum):
    TRANSFORMERS = "a folder of transformers, with weights of its own"
    TIMM = "a folder of timm, with weights of its own"


def is_model_folder(path: Path) -> bool:
    """Whether anything in it is a model's that was not trained here."""
    if not path.is_dir() or (path / OF_RUN).exists():
        return False
    return (path / CONFIG).is_file() or bool(_graphs(path) or foreign_folder(path) or _weights(path))


def kind_of_folder(path: Path) -> FolderKind:
    """Raises UserError for a folder whose model cannot be taken, with the way to one that can."""
    if (path / "adapter_config.json").is_file() or (path / "model_index.json").is_file():
        raise _refused(path)
    if _weights(path) is None and (graphs := _graphs(path)):
        raise UserError(f"{path}: has no weights of torch; of its ONNX graphs give one, such as {graphs[0]}")
    if not (path / CONFIG).is_file() or _weights(path) is None:
        raise _refused(path)
    config = config_of(path)
    if "architectures" not in config and isinstance(config.get("architecture"), str) and "pretrained_cfg" in config:
        return FolderKind.TIMM
    return FolderKind.TRANSFORMERS


def config_of(path: Path) -> dict[str, Any]:
    """Raises UserError for a file that is no JSON object."""
    file = path / CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not isinstance(config, dict):
        raise UserError(f"{file}: is no JSON object; a folder of transformers or timm has one")
    return config


def weights_of(path: Path) -> Path:
    """The file that has them, or the index of several. Raises UserError."""
    if (file := _weights(path)) is None:
        raise _refused(path)
    return file


def files_of(path: Path) -> list[Path]:
    """What a network is made from: config.json, the weights and an index of them."""
    weights = weights_of(path)
    shards = sorted({*shards_of(weights)}) if weights.suffix == ".json" else []
    return [path / CONFIG, weights, *shards]


def shards_of(index: Path) -> list[Path]:
    """The files that an index names. Raises UserError for one that names none, or one elsewhere or missing."""
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        names = list(dict.fromkeys(map(str, places)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{index}: is no index of shards; it has no weight_map that can be read") from error
    for name in names:
        if Path(name).name != name:
            raise UserError(f"{index}: names {name}, which is outside of its folder")
        if not (index.parent / name).is_file():
            raise UserError(f"{index}: names {name}, which is not there; the folder was copied in part")
    return [index.parent / name for name in names]


def name_of_folder(path: Path) -> str:
    """Of a model in Hugging Face's cache that of its repository."""
    found = SNAPSHOT.fullmatch(path.absolute().as_posix())
    return found["name"] if found else path.absolute().name


def _weights(path: Path) -> Path | None:
    """A link counts, as the cache has them; one that leads nowhere does not."""
    return next((path / name for name in WEIGHTS if (path / name).is_file()), None)


def _graphs(path: Path) -> list[Path]:
    return sorted([*path.glob("*.onnx"), *path.glob("onnx/*.onnx")], key=lambda file: (len(file.name), file))


def _refused(path: Path) -> UserError:
    if words := foreign_folder(path):
        return UserError(words)
    if not (path / CONFIG).is_file():
        return UserError(f"{path}: has no {CONFIG}, which says its network; name that with --model MODULE:CLASS and "
                         f"give the weights with --weights {_weights(path) or 'FILE'}")  # fmt: skip
    if lost := [name for name in WEIGHTS if (path / name).is_symlink()]:
        return UserError(f"{path}: {lost[0]} is a link that leads nowhere; the download was not finished, or moved")
    return UserError(f"{path}: has no weights; {', '.join(WEIGHTS)} are looked for")
