"""A draft for texts with classes or labels."""

from pathlib import Path
from typing import Any

from torchferry.training.config.instantiate import Component
from torchferry.training.data.build_source import build_source
from torchferry.training.data.varying_inputs import TextInput
from torchferry.training.discovery.draft import Draft, name_for

VOCABULARY = 8000
MOST = 256


def text(path: str, target: str | None, text_column: str | None) -> Draft:
    args: dict[str, Any] = {"path": path}
    if text_column is not None:
        args["text_column"] = text_column
    columns = target.split(",") if target and "," in target else target
    if columns is not None:
        args["target"] = columns
    if not (Path(path) / "test").is_dir():
        args["test_fraction"] = 0.2
    args |= {"most": MOST, "tokenizer": {"train": "bpe", "vocabulary": VOCABULARY}}
    task, targets = ("multilabel", "labels") if isinstance(columns, list) else ("classification", "classes")
    source = build_source(Component(name="text", args=args), targets)
    assert isinstance(source.input, TextInput)
    outputs = len(source.labels)
    return Draft(
        title=f"{path}: {source.train_size} texts to train and {source.test_size} to test, of {outputs} {targets}.",
        name=name_for(Path(path).name.partition(".")[0]),
        task=task,
        source=Component(name="text", args=args),
        comments={
            "path": "CSV, JSON lines or Parquet, a file or any URL that fsspec knows; or a folder of class folders",
            "text_column": "the column with the texts",
            "target": "the column to predict, or a list of columns with 0 or 1 each",
            "test_fraction": "share of the texts that is held out",
            "most": "tokens of a text; longer ones are cut",
            "tokenizer": "trained on the training texts; or the path of a tokenizer.json",
        },
        samples=source.train_size,
        network=Component(name="embedding_bag", args={"rows": max(VOCABULARY, source.input.rows), "classes": outputs}),
        network_comment="the mean of the tokens' vectors; text_transformer sees their order",
        learning_rate=0.01,
    )
