"""Texts with classes or labels: rows of a file, or files in class folders."""

from pathlib import Path
from typing import Any, Literal

from torchferry.errors import UserError
from torchferry.training.data.arguments import at_least, checked
from torchferry.training.data.source import Source
from torchferry.training.data.tables.text_format import TextFormat
from torchferry.training.data.texts.text_columns import TextColumns
from torchferry.training.data.texts.text_file import rows_of_file
from torchferry.training.data.texts.text_folder import rows_of_folder
from torchferry.training.data.texts.text_rows import ARGS, TextRows, joined
from torchferry.training.data.texts.text_source import Texts, divided, readable
from torchferry.training.data.texts.text_targets import class_targets, label_targets
from torchferry.training.data.texts.tokenizer_options import TokenizerOptions


@checked
def text(
    path: str,
    tokenizer: str | dict[str, Any] | None = None,
    most: int = 256,
    least: int = 1,
    truncate: bool = True,
    pad_token: str | None = None,
    text_column: str | None = None,
    target: str | list[str] | None = None,
    labels: list[str] | None = None,
    separator: str = "|",
    targets: Literal["classes", "labels"] = "classes",
    split_column: str | None = None,
    test_path: str | None = None,
    train: str = "train",
    test: str = "test",
    test_fraction: float | None = None,
    split_seed: int = 0,
    suffixes: list[str] | None = None,
    delimiter: str | None = None,
    comment: str | None = None,
    quote: str | None = None,
    header: list[str] | bool | None = None,
    encoding: str | None = None,
) -> Source:
    """Texts: rows of a file, or files in class folders, ROOT/train/CLASS and ROOT/test/CLASS, or ROOT/CLASS with
    `test_fraction`. The test set of a file is told by a column split, by `test_path`, or by `test_fraction`.

    A text becomes the ids of its tokens, as it does in servers. Equal texts are on one side of a `test_fraction`, and
    none changes sides when others come or go.

    Args:
        path: A file of text with any delimiter, perhaps compressed, JSON lines, Parquet, Feather or Arrow, local or a
            URL; or a folder.
        tokenizer: A tokenizer.json of Hugging Face's tokenizers, or the folder that it is in; or {train: bpe,
            vocabulary: 8000, lowercase: false}, which is trained on the training texts, and what null means.
        most: Tokens of a text, those that the tokenizer puts around it among them.
        least: A text of fewer tokens is padded.
        truncate: Whether longer texts are cut, or are samples that cannot be read.
        pad_token: The token that stands behind shorter texts, where the tokenizer names none.
        text_column: The column of a file with the texts; null finds text, sentence, content, message, body, review or
            document.
        target: The column to predict; null finds label, labels, class, category or target. Of several labels it has a
            list in each row; or a list of columns, with 0 or 1 each.
        labels: The classes or labels, in the network's order; null takes those of the texts. Other class folders are
            left out.
        separator: Between several labels in one cell.
        targets: What is predicted, as the recipe's task says.
        split_column: The column that tells `train` from `test`; null finds split.
        test_path: A file of the test set.
        train: What the split column says of texts to train on, or their folder in `path`.
        test: What it says of texts to test on, or their folder.
        test_fraction: Share of the texts, 0 to below 1, that is held out. With 0 the test set is the training set.
        split_seed: Decides which ones.
        suffixes: Endings of files in class folders; null is [txt].
        delimiter: Of a file of text, as the rest: one character, or tab, comma, semicolon or pipe; null finds it.
        comment: The sign from which a line is left out; '' leaves nothing out.
        quote: The quotation mark; null is ", and '' is none.
        header: Names of the columns where a file has none; or whether its first row has them.
        encoding: Such as utf-8 or latin-1.
    """
    at_least(1, most=most)
    at_least(0, split_seed=split_seed)
    if not 1 <= least <= most:
        raise UserError(f"{ARGS}.least: {least} is not from 1 to most, which is {most}")
    if not separator:
        raise UserError(f"{ARGS}.separator: is empty; give what stands between labels")
    folder = Path(path).expanduser()
    if folder.is_dir():
        rows = _of_folder(folder, target, test_path, (train, test, test_fraction), labels, suffixes)
    else:
        columns = TextColumns(text=text_column, target=target, split=split_column)
        form = TextFormat(delimiter=delimiter, comment=comment, quote=quote, header=header, encoding=encoding)
        rows = rows_of_file(path, columns, form, train, test)
        if test_path is not None:
            _check_one_way(rows, test_fraction, test_path)
            rows = joined(rows, rows_of_file(test_path, columns, form, train, test))
    _check_one_way(rows, test_fraction, None)
    rows, damaged = readable(rows)
    if targets == "classes":
        numbers, names = class_targets(rows, labels)
    else:
        numbers, names = label_targets(rows, labels, target, separator)
    options = TokenizerOptions(asked=tokenizer, most=most, least=least, truncate=truncate, pad_token=pad_token)
    trained, tested = divided(rows, test_fraction, split_seed)
    texts = Texts(
        rows=rows,
        targets=numbers,
        labels=names,
        trained=trained,
        tested=tested,
        options=options,
        damaged=damaged,
    )
    return texts.source()


def _of_folder(
    folder: Path,
    target: str | list[str] | None,
    test_path: str | None,
    splits: tuple[str, str, float | None],
    labels: list[str] | None,
    suffixes: list[str] | None,
) -> TextRows:
    for argument, given in (("target", target), ("test_path", test_path)):
        if given is not None:
            raise UserError(f"{ARGS}.{argument}: is for a file; {folder} is a folder, whose folders are its classes")
    train, test, fraction = splits
    return rows_of_folder(folder, train, test, labels, suffixes or ["txt"], divided=fraction is None)


def _check_one_way(rows: TextRows, fraction: float | None, test_path: str | None) -> None:
    """To tell the test set from the training set."""
    ways = {
        f"the splits in {rows.name}": rows.tested is not None,
        f"{ARGS}.test_path": test_path is not None,
        f"{ARGS}.test_fraction": fraction is not None,
    }
    given = [name for name, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} both say what is held out; leave one of them out")
    if not given:
        raise UserError(f"{rows.name}: has no column split; give {ARGS}.test_fraction 0.2, or test_path")
    if fraction is not None and not 0 <= fraction < 1:
        raise UserError(f"{ARGS}.test_fraction: {fraction} is not 0 or more and below 1")
