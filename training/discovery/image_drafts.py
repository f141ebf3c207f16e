"""Drafts for pictures: in folders, in shards, and with weights to begin from."""

from pathlib import Path
from typing import Any

from torch import nn

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data import SOURCES
from torchferry.training.data.shards.shards import expanded
from torchferry.training.data.source import Source
from torchferry.training.discovery.draft import Draft, name_for
from torchferry.training.discovery.picture_sizes import fitting, network_for, said, sizes_below, sizes_in_shard
from torchferry.training.models import NETWORKS
from torchferry.training.models.torchvision_preset import published_arguments

IN_MEMORY = 200_000_000
"""Bytes of decoded pictures that are worth keeping."""
RESIZE = "of a picture of another shape: squash ignores it, crop takes the middle, pad adds bars"
SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar")


def image_folder(root: str, size: int | None) -> Draft:
    source, component, comments, side = _folder(root, size)
    network, comment = network_for(side, len(source.labels))
    return Draft(
        title=f"Pictures in {root}: {source.train_size} to train and {source.test_size} to test, "
        f"{len(source.labels)} classes.",
        name=name_for(Path(root).resolve().name),
        task="classification",
        source=component,
        comments=comments,
        samples=source.train_size,
        network=network,
        network_comment=comment,
        augment=(Component(name="horizontal_flip"), Component(name="random_crop", args={"padding": side // 8})),
    )


def finetune(root: str, weights: str, model: str | None, size: int | None) -> Draft:
    if weights.lower().endswith(SUFFIXES) and not Path(weights).is_file():
        raise UserError(f"--weights: {weights}: no such file")
    name = model or _network_of(weights)
    published = published_arguments(weights)
    source, component, comments, side = _folder(root, size or published.get("height", 224))
    if "resize" in published:
        component.args |= {name: published[name] for name in ("resize", "fraction", "interpolation")}
        comments |= {"resize": f"as {weights} were judged"}
    network = Component(name=name, args={"classes" if name in NETWORKS else "num_classes": len(source.labels)})
    return Draft(
        title=f"{name.rpartition('.')[2]} with weights from {weights} and a new head, for {root}: {source.train_size} "
        f"pictures to train and {source.test_size} to test, {len(source.labels)} classes.",
        name=name_for(f"{Path(root).resolve().name}-finetune"),
        task="classification",
        source=component,
        comments=comments,
        samples=source.train_size,
        network=network,
        network_comment="the one that the weights are of",
        augment=(Component(name="horizontal_flip"), Component(name="random_crop", args={"padding": side // 8})),
        weights=weights,
        head=_head_of(build(network, NETWORKS, "--model")),
        learning_rate=0.0003,
    )


def webdataset(train: str, test: str, labels: str, size: int | None) -> Draft:
    given: Any = labels if "," not in labels else [label.strip() for label in labels.split(",")]
    sizes = sizes_in_shard(expanded(train, {}, "train")[0])
    side = fitting(sizes, size)
    args: dict[str, Any] = {"train": train, "test": test, "labels": given, "height": side, "width": side}
    args["resize"] = "squash"
    component = Component(name="webdataset", args=args)
    source: Source = build(component, SOURCES, "data.source")
    network, comment = network_for(side, len(source.labels))
    return Draft(
        title=f"Shards {train}: {source.train_size} samples to train and {source.test_size} to test, "
        f"{len(source.labels)} classes.",
        name=name_for(Path(train).name.partition("{")[0].partition("*")[0].partition(".")[0]),
        task="classification",
        source=component,
        comments={
            "train": "shards by braces or *; any URL that fsspec knows",
            "test": "other shards, never trained on",
            "labels": "the classes in the order of their numbers, or a file with one a line",
            "height": said(sizes) or "each picture is resized to this",
            "width": "each picture is resized to this",
            "resize": RESIZE,
        },
        samples=source.train_size,
        network=network,
        network_comment=comment,
    )


def _folder(root: str, size: int | None) -> tuple[Source, Component, dict[str, str], int]:
    folder = Path(root).expanduser()
    sizes = sizes_below(folder)
    side = fitting(sizes, size)
    args: dict[str, Any] = {"root": root, "height": side, "width": side, "resize": "squash", "normalize": "imagenet"}
    comments = {
        "root": "ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg",
        "height": said(sizes) or "each picture is resized to this",
        "width": "each picture is resized to this",
        "resize": RESIZE,
        "normalize": "imagenet, half (-1..1) or none (0..1)",
        "test_fraction": "share of the pictures that is held out, chosen by their content",
        "in_memory": "decode all at once and keep them; false for more than memory holds",
    }
    if not (folder / "train").is_dir():
        args["test_fraction"] = 0.2
        comments["root"] = "ROOT/CLASS/*.jpg"
    source: Source = build(Component(name="image_folder", args=args), SOURCES, "data.source")
    args["in_memory"] = (source.train_size + source.test_size) * 3 * side**2 <= IN_MEMORY
    return source, Component(name="image_folder", args=args), comments, side


def _network_of(weights: str) -> str:
    """The network of torchvision's that these weights, by name, are of."""
    from torchvision import models

    if weights.lower().endswith(SUFFIXES) or Path(weights).exists():
        raise UserError("--model: is missing; name the network that the file's weights are of, by import path")
    owner = weights.partition(".")[0]
    builders = {models.get_model_weights(name).__name__: name for name in models.list_models(module=models)}
    if owner not in builders:
        raise UserError(f"--weights: '{weights}' is neither a file nor torchvision's{did_you_mean(owner, builders)}")
    try:
        models.get_weight(weights)
    except (ValueError, AttributeError, KeyError) as error:
        there = ", ".join(f"{owner}.{each.name}" for each in models.get_model_weights(builders[owner]))
        raise UserError(f"--weights: there is no {weights}; torchvision has {there}") from error
    return f"torchvision.models.{builders[owner]}"


def _head_of(network: nn.Module) -> str:
    """The beginning of the last layer's parameters."""
    layers = [name for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    if not layers:
        raise UserError("--model: has no linear layer or convolution that could be its head")
    return f"{layers[-1]}."
