"""Sources of samples (one file each), and the order in which ranks see them (order.py)."""

import importlib
from collections.abc import Callable, Iterator, Mapping

from torchferry.training.data.source import Source


class Sources(Mapping[str, Callable[..., Source]]):
    """Names to the functions that build a source; a function's module is imported when it is asked for.

    So a table is read without torchvision, and images without pyarrow.
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Callable[..., Source]:
        source: Callable[..., Source] = getattr(importlib.import_module(self._modules[name]), name)
        return source

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


SOURCES = Sources(
    {
        "audio_folder": "torchferry.training.data.sounds.audio_folder",
        "audio_list": "torchferry.training.data.sounds.audio_list",
        "coco": "torchferry.training.data.pictures.coco",
        "cifar10": "torchferry.training.data.torchvision_sets",
        "dataset": "torchferry.training.data.dataset",
        "digit_scenes": "torchferry.training.data.digit_scenes",
        "digits": "torchferry.training.data.digits",
        "fashion_mnist": "torchferry.training.data.torchvision_sets",
        "idx": "torchferry.training.data.idx",
        "image_folder": "torchferry.training.data.pictures.image_folder",
        "image_list": "torchferry.training.data.pictures.image_list",
        "image_masks": "torchferry.training.data.pictures.image_masks",
        "image_pairs": "torchferry.training.data.pictures.image_pairs",
        "mnist": "torchferry.training.data.torchvision_sets",
        "series": "torchferry.training.data.series.series",
        "table": "torchferry.training.data.tables.table",
        "text": "torchferry.training.data.texts.text",
        "unseen_classes": "torchferry.training.data.unseen_classes",
        "webdataset": "torchferry.training.data.shards.webdataset",
        "yolo": "torchferry.training.data.pictures.yolo",
    }
)
