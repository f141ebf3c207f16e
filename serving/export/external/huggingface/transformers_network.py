"""A network of Hugging Face's transformers, built and filled from its folder alone."""

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.serving.export.external.huggingface.model_folder import CONFIG, config_of, weights_of
from torchferry.serving.export.external.huggingface.saved_types import saved_types
from torchferry.training.config.instantiate import one_line
from torchferry.training.models.weight_names import COUNTER

SHOWN = 3


def transformers_network(folder: Path) -> tuple[nn.Module, str]:
    """In float32, and its architecture. Prints what was converted and left out. Raises UserError for a folder that
    needs code of its own, or another library, and for weights that are missing, of other shapes or not finite."""
    config = config_of(folder)
    architecture = _architecture(folder, config)
    kind = _class(folder, config, architecture)
    weights = weights_of(folder)
    types = saved_types(weights)
    network, found = _loaded(folder, kind)
    _check(weights, network, found)
    said = [f"{word} becomes float32" for word in types]
    if extra := sorted(found["unexpected_keys"]):
        said.append(f"left out {some(extra, SHOWN)}")
    if said:
        print(f"weights from {weights}: {'; '.join(said)}", flush=True)
    if hasattr(network.config, "use_cache"):
        network.config.use_cache = False  # of words that were computed before, which a server has none of
    network.config.return_dict = True  # the answers are told by their names
    return network.eval(), architecture


def _architecture(folder: Path, config: dict[str, Any]) -> str:
    if quantised := config.get("quantization_config"):
        method = quantised.get("quant_method", "") if isinstance(quantised, dict) else ""
        raise UserError(f"{folder / CONFIG}: quantization_config: the weights are quantised ({method}); "
                        "give the folder that they were made from, of which onnx-int8 is made")  # fmt: skip
    names = config.get("architectures")
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        has = "says no class" if not names else f"says {some(list(map(str, names)))}"
        raise UserError(f"{folder / CONFIG}: architectures {has}; one of transformers' classes is needed, such as "
                        "ViTForImageClassification")  # fmt: skip
    return names[0]


def _class(folder: Path, config: dict[str, Any], name: str) -> Any:
    if importlib.util.find_spec("transformers") is None:
        raise UserError(
            f"{folder}: {name} is a class of transformers, which is not installed; pip install transformers"
        )
    with _quietly():
        import transformers

        found = getattr(transformers, name, None)
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    if found is not None:
        raise UserError(f"{folder / CONFIG}: architectures: {name} of transformers is no network; name the class that "
                        "was trained, such as ViTForImageClassification")  # fmt: skip
    if own := config.get("auto_map"):
        values = own.values() if isinstance(own, dict) else [own]
        files = some(sorted({str(value).partition(".")[0] + ".py" for value in values}))
        raise UserError(f"{folder / CONFIG}: auto_map: {name} is code of the folder's own ({files}), which is not run; "
                        "import it yourself with --model MODULE:CLASS.from_pretrained")  # fmt: skip
    made_by = f"; the folder is of transformers {version}" if (version := config.get("transformers_version")) else ""
    raise UserError(f"{folder / CONFIG}: architectures: transformers {transformers.__version__} has no {name}"
                    f"{did_you_mean(name, dir(transformers))}{made_by}")  # fmt: skip


def _loaded(folder: Path, kind: Any) -> tuple[Any, dict[str, Any]]:
    try:
        with _quietly():
            return kind.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation="eager",
                ignore_mismatched_sizes=True,  # they are refused below, by their names
                output_loading_info=True,
            )
    except ImportError as error:  # a library that this architecture needs, such as timm for a backbone
        raise UserError(f"{folder}: {kind.__name__} needs what is not installed: {one_line(error)}") from error
    except Exception as error:  # whatever transformers makes of a folder that does not fit
        raise UserError(f"{folder}: transformers cannot load {kind.__name__}: {one_line(error)}") from error


def _check(weights: Path, network: nn.Module, found: dict[str, Any]) -> None:
    """Raises UserError where transformers would go on with random numbers, and for values that are not finite."""
    if others := sorted(found["mismatched_keys"]):
        name, given, own = others[0]
        raise UserError(f"{weights}: is for another model: its {name} is {list(given)}, the model's is {list(own)}")
    missing = sorted(name for name in found["missing_keys"] if not name.endswith(COUNTER))
    if missing:
        raise UserError(f"{weights}: has no {some(missing, SHOWN)}, which {type(network).__name__} needs and would "
                        "have at random; give the folder of the network that was trained for it")  # fmt: skip
    broken = [name for name, value in network.named_parameters() if not value.isfinite().all()]
    if broken:
        raise UserError(f"{weights}: its {broken[0]} has values that are not finite")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what transformers logs, warns and draws while it loads."""
    logging.disable(logging.ERROR)  # which is raised as well
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from transformers.utils import logging as own

            shown = own.is_progress_bar_enabled()
            own.disable_progress_bar()
            try:
                yield
            finally:
                if shown:
                    own.enable_progress_bar()
    finally:
        logging.disable(logging.NOTSET)
