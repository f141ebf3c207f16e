"""A fingerprint of all that a run depends on: recipe, samples, classes or columns, normalisation, network, versions.

Each checkpoint holds it as fingerprint.json. A run that goes on compares, says what differs where that is allowed
(may_differ.py), and refuses the rest. What was computed from samples, such as a table's mean, is then the checkpoint's:
the weights know no other.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import yaml
from torch import nn

from torchferry.contract.tasks.find import task_of
from torchferry.errors import UserError, some
from torchferry.training.checkpointing.flat_recipe import completed, flat, recorded
from torchferry.training.checkpointing.may_differ import INSIDE_EPOCH, NEW_RUN, SAME_RUN, is_free
from torchferry.training.config.recipe import Recipe
from torchferry.training.data.plain_input import as_tuples, from_plain, to_plain
from torchferry.training.data.source import Listing, Source, TargetScale, TargetScales
from torchferry.training.tasks import half_class

SCHEMA = "torchferry.fingerprint/1"
PACKAGES = ("torchferry", "torch", "torchvision", "numpy", "pillow", "scikit-learn", "pyarrow")
NOT_RECORDED = "{} holds no fingerprint, as those of earlier versions; its samples cannot be compared"

SHOWN = 200
"""Letters of a text in a message."""

Fingerprint = dict[str, Any]


def fingerprint_of(recipe: Recipe, source: Source, network: nn.Module) -> Fingerprint:
    """As JSON can hold it."""
    sizes = {"train": source.train_size, "test": source.test_size}
    content = {
        "schema": SCHEMA,
        # Without what may always differ, such as the address of a Pushgateway and its password.
        "recipe": {key: value for key, value in flat(recorded(recipe)) if not is_free(key, SAME_RUN)},
        "labels": source.labels,
        "targets": source.targets,
        "input": to_plain(source.input),
        "target_scale": _plain_scale(source.target_scale),
        "samples": {
            split: asdict(source.listings.get(split, Listing(samples=size, sha256=None)))
            for split, size in sizes.items()
        },
        "network": {name: list(value.shape) for name, value in network.state_dict().items()},
        "versions": {name: found for name in PACKAGES if (found := _version(name)) is not None},
    }
    return dict(json.loads(json.dumps(content, default=str)))  # as it will be read back: tuples become lists


def parsed(content: bytes, file: str) -> Fingerprint:
    """What a checkpoint's `file` holds. Raises UserError for what is no fingerprint."""
    try:
        found = dict(json.loads(content))
        if found["schema"] != SCHEMA:
            raise UserError(f"{file}: has schema {found['schema']}; this version reads {SCHEMA}")
        return found | {"input": _completed(found["input"]), "recipe": completed(found["recipe"])}
    except (ValueError, TypeError, LookupError) as error:
        raise UserError(f"{file}: is no fingerprint of a run: {error}") from error


def of_card(content: bytes) -> Fingerprint | None:
    """What model.yaml knows of a run whose checkpoints hold no fingerprint: what samples mean, without which they are.
    None for what is no card."""
    try:
        card = yaml.safe_load(content)
        return {
            "labels": list(card["labels"]),
            "targets": half_class(type(task_of(card["task"], ()))).targets,
            "input": _completed(card["input"]),
            "target_scale": card.get("target_scale"),
        }
    except (ValueError, TypeError, LookupError, AttributeError, yaml.YAMLError):
        return None


def _plain_scale(scale: TargetScales | None) -> dict[str, Any] | None:
    if isinstance(scale, TargetScale):
        return asdict(scale)
    return {name: asdict(each) for name, each in scale.items()} if scale else None


def _scale(said: Mapping[str, Any] | None) -> TargetScales | None:
    """Raises TypeError for what is none."""
    if not said or isinstance(said.get("mean"), list):
        return TargetScale(**as_tuples(said)) if said else None
    return {name: TargetScale(**as_tuples(each)) for name, each in said.items()}


def _completed(input: Mapping[str, Any]) -> dict[str, Any]:
    """With what could not be said when it was written."""
    return to_plain(from_plain(input))


def adopt(source: Source, saved: Fingerprint, where: str) -> Source:
    """The same samples under what was fitted when the run began. Raises UserError for samples of another kind."""
    _labels(saved, source.targets, source.labels, where)
    given, scale = from_plain(saved["input"]), saved["target_scale"]
    targets = _scale(scale)
    if source.refit is not None and given != source.input and type(given) is type(source.input):
        source = source.refit(given)
    return source if targets == source.target_scale else replace(source, target_scale=targets)


def compare(saved: Fingerprint, now: Fingerprint, where: str, *, new_run: bool, inside_epoch: bool) -> list[str]:
    """What differs and may, a line each. Raises UserError for what may not.

    `where` is the checkpoint. With `new_run` it is another run's; then the recipe is compared here as well. Of a
    checkpoint of before there is less to compare.
    """
    _labels(saved, now["targets"], now["labels"], where)
    if "samples" not in saved:
        _same_meaning(saved, now, where)
        return [NOT_RECORDED.format(where)]
    said = list(_recipe(saved["recipe"], now["recipe"], where, inside_epoch=inside_epoch)) if new_run else []
    _same_meaning(saved, now, where)
    _same(saved["network"], now["network"], "model: its {} is {}; {} is of another model, where it is {}", where)
    said += _samples(saved["samples"], now["samples"], where, inside_epoch=inside_epoch)
    return [*said, *_versions(saved["versions"], now["versions"])]


def _recipe(saved: Mapping[str, Any], now: Mapping[str, Any], where: str, *, inside_epoch: bool) -> Iterator[str]:
    differ = sorted(key for key in saved.keys() | now.keys() if saved.get(key) != now.get(key))
    for key in differ:
        there, here = saved.get(key), now.get(key)
        if not is_free(key, NEW_RUN):
            raise UserError(f"resume: {where} was trained with {key} {there}, the recipe says {here}")
        if inside_epoch and is_free(key, INSIDE_EPOCH):
            raise UserError(
                f"resume: {where} stands inside an epoch with {key} {there}, the recipe says {here}; "
                "give that, or a checkpoint from an epoch's end"
            )
    told = [f"{key} {now.get(key)} (was {saved.get(key)})" for key in differ if not is_free(key, [*SAME_RUN, "name"])]
    if told:
        yield f"from here on with {', '.join(told)}"


def _labels(saved: Fingerprint, targets: str, labels: Sequence[str], where: str) -> None:
    if saved["targets"] != targets:
        raise UserError(f"data.source: gives {targets}, {where} was trained on {saved['targets']}")
    if saved["labels"] != list(labels):
        what = "classes are" if targets == "classes" else "targets are"
        raise UserError(
            f"data.source: its {what} {_some(labels)}; {where} was trained on {_some(saved['labels'])}; "
            "give the old ones their names back, or this run another --name"
        )


def _same_meaning(saved: Fingerprint, now: Fingerprint, where: str) -> None:
    words = "data.source: its {} is {}; {} was trained with {}"
    _same(saved["input"], now["input"], words, where)
    _same(saved["target_scale"] or {}, now["target_scale"] or {}, words.replace("its", "its target's"), where)


def _same(saved: Mapping[str, Any], now: Mapping[str, Any], words: str, where: str) -> None:
    for name in [*saved, *now]:
        if saved.get(name) != now.get(name):
            here, there = (_short(found[name]) if name in found else "missing" for found in (now, saved))
            raise UserError(words.format(name, here, where, there))


def _samples(saved: Mapping[str, Any], now: Mapping[str, Any], where: str, *, inside_epoch: bool) -> Iterator[str]:
    for split, words in (("train", "training"), ("test", "test")):
        there, here = saved[split], now[split]
        if there == here:
            continue
        if split == "train" and inside_epoch:
            raise UserError(
                f"data: {where} stands inside an epoch of {there['samples']} training samples; now there are "
                f"{here['samples']}, or others; put the old ones back, or give another --name"
            )
        others = ", and others than before" if there["samples"] == here["samples"] else ""
        kept = "; scores before are of the old ones, so the best is looked for anew" if split == "test" else ""
        yield f"{here['samples']:,} {words} samples now, {there['samples']:,} before{others}{kept}"


def _versions(saved: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    differ = [name for name in PACKAGES if saved.get(name) != now.get(name)]
    told = [f"{name} {now.get(name, 'none')} (was {saved.get(name, 'none')})" for name in differ]
    if told:
        yield f"computed by {', '.join(told)} from here on; numbers may differ in their last bits"


def _some(names: Sequence[str]) -> str:
    return f"[{some(names, 10)}]"


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) > SHOWN:  # a tokenizer
        return f"a text of sha256 {hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return _some(list(map(str, value))) if isinstance(value, list) else str(value)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
