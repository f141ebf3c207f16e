"""Predictions as JSON: a request is read from its body alone, and the answer is the same behind every server."""

import codecs
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

import numpy as np

from torchferry.contract.placement import Placement
from torchferry.contract.tasks.task import Arrays
from torchferry.serving.bundle.answers import answers_of
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.answer_file import Sent
from torchferry.serving.codec.body_types import TABLES, media_type
from torchferry.serving.codec.column_lines import are_columns, from_columns
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.codec.decoding import decoded
from torchferry.serving.codec.json_instances import are_texts, by_name, columns_of, is_sample
from torchferry.serving.codec.json_objects import check_containers, check_names_read, each_once
from torchferry.serving.codec.lines import read_lines
from torchferry.serving.codec.sent_pixels import in_sent_pixels, sample_in_sent_pixels, with_size
from torchferry.serving.codec.strings import listed
from torchferry.serving.codec.table_rows import from_lines, from_records, plain_rows
from torchferry.serving.codec.tensors import FORM, STRINGS, read_tensors, said_datatype
from torchferry.serving.codec.text_bodies import is_json, text_input, texts_of_body
from torchferry.serving.errors import NotDecodable, WrongParameter, WrongTensor

TOP_K = 5
MAX_INSTANCES = 1024
NUMBERS, SAMPLES = 1024, 32
"""In a piece of an answer, which take about half a millisecond."""


@dataclass(frozen=True)
class Request:
    inputs: Mapping[str, np.ndarray]
    """By tensor name; the first axis is the batch. Those of `files` are there once they are decoded."""
    form: Literal["tensors", "labels", "predictions"]
    """Tensors are answered with tensors, a file, a text, a record or lines with labels, instances with a list."""
    notes: tuple[str, ...] = ()
    """What was assumed of it, a line each; said with the labels."""
    files: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    """Pictures, texts in UTF-8 and sounds by the input's name, one a sample."""
    related: tuple[str, ...] = ()
    """What is asked for of all its samples together, by the task's names."""
    placements: Sequence[Placement] = ()
    """Where the pictures that were sent are in the network's, one a sample, once they are decoded."""

    @property
    def size(self) -> int:
        """Samples in it."""
        columns: Mapping[str, Sized] = self.inputs or self.files
        return len(next(iter(columns.values())))

    def decoded(
        self,
        decoders: Decoders,
        most_pixels: float = math.inf,
        go_on: Callable[[], None] = lambda: None,
        *,
        keeps_files: bool = False,
    ) -> "Request":
        """With its files decoded, and kept where the answer is drawn into one; `go_on` is called before each. Raises
        RequestError, and what `go_on` raises."""
        if not self.files:
            return self
        inputs, placements = decoded(self.inputs, self.files, decoders, most_pixels, go_on)
        return replace(self, inputs=inputs, files=self.files if keeps_files else {}, placements=placements)

    def sent(self, place: int = 0) -> Sent | None:
        """A sample's picture, where one input alone takes pictures, it was sent as a file, and that was kept."""
        if not (self.files and self.placements):
            return None
        (files,) = self.files.values()
        return Sent(files[place], self.placements[place])


def read_request(body: bytes, bundle: Bundle, most: int = MAX_INSTANCES, content_type: str = "") -> Request:
    """A file's bytes, a text, a table's rows as CSV or as records, lines of columns by the inputs' names, JSON
    instances, or Open Inference Protocol JSON.

    At most so many samples are read; tensors may have more. `content_type` is what the client says of the body: a text
    may begin as JSON does.

    Raises RequestError.
    """
    start = body[:4096].removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if spec := text_input(bundle):
        if is_json(start, content_type):
            return _read_json(body, bundle, most)
        texts, notes = texts_of_body(body, content_type, spec, most)
        several = media_type(content_type) in TABLES
        return Request({}, "predictions" if several else "labels", notes, {spec.name: texts})
    if start in (b"{", b"["):  # neither files nor rows of numbers start like this
        return _read_json(body, bundle, most)
    first = bundle.inputs[0]
    if are_columns(bundle.inputs):
        return Request(from_columns(body, bundle.inputs, most), "labels")
    if len(bundle.inputs) > 1:
        raise NotDecodable(f"{bundle.name} has several inputs, and the body is no JSON; send {by_name(bundle)}")
    if first.decode:
        return Request({}, "labels", files={first.name: [body]})
    if bundle.table:
        rows, notes = from_lines(body, first, most)
        return Request({first.name: rows}, "labels", notes)
    if len(first.shape) == 2 and not first.axes and first.datatype != STRINGS:
        return Request({first.name: plain_rows(read_lines(body, first.shape[1:], (), most), first)}, "labels")
    raise NotDecodable(f"{bundle.name} takes tensors as JSON, and this is none")


def answer(
    request: Request, outputs: Mapping[str, np.ndarray], bundle: Bundle, model: str, top_k: int | None = None
) -> str:
    """The JSON text for the request's share of the outputs, which are in the network's pixels; with the `top_k` best
    labels. Raises WrongParameter.

    JSON has no infinity and no NaN, which become null.
    """
    return "".join(answer_pieces(request, outputs, bundle, model, top_k))


def answer_pieces(
    request: Request, outputs: Mapping[str, np.ndarray], bundle: Bundle, model: str, top_k: int | None = None
) -> Iterator[str]:
    """The same text in pieces, none of which takes long to make."""
    if top_k is not None and top_k < 1:
        raise WrongParameter(f"top_k is {top_k}; give how many labels are wanted, 1 or more")
    notes = {"notes": request.notes} if request.notes else {}
    if request.form == "tensors" or not bundle.task.has_words:
        yield _open({"model_name": model, "model_version": bundle.version}) + ', "outputs": ['
        datatypes = {spec.name: spec.datatype for spec in bundle.outputs}
        for place, (name, values) in enumerate(in_sent_pixels(bundle, outputs, request.placements).items()):
            said = {"name": name, "shape": list(values.shape), "datatype": said_datatype(values, datatypes.get(name))}
            yield (", " if place else "") + _open(said) + ', "data": ['
            flat = values.ravel()
            yield from _items(listed(flat[start : start + NUMBERS]) for start in range(0, flat.size, NUMBERS))
            yield "]}"
        yield _end(notes)
        return
    known = answers_of(bundle, outputs)
    placements: Sequence[Placement | None] = request.placements or [None] * request.size
    answers = (_said(bundle, known, *each, request.inputs, top_k or TOP_K) for each in enumerate(placements))
    if request.size == 1 and request.form == "labels":
        yield _text({"model": model} | next(answers) | notes)
        return
    yield _open({"model": model}) + ', "predictions": ['
    at_once = 1 if bundle.task.masks else SAMPLES
    yield from _items(iter(lambda: list(islice(answers, at_once)), []))
    relations = bundle.task.relations(known) if request.related else {}
    for name, rows in ((name, relations[name]) for name in request.related):
        yield "], " + _text(name) + ": ["
        yield from _items(rows[start : start + 1].tolist() for start in range(len(rows)))
    yield _end(notes)


def _said(
    bundle: Bundle, known: Arrays, place: int, placement: Placement | None, inputs: Arrays, top_k: int
) -> dict[str, Any]:
    """Of one sample."""
    sample = {name: values[place] for name, values in known.items()}
    words = bundle.task.words(sample_in_sent_pixels(bundle, sample, placement), top_k)
    return with_size(bundle, words, placement, inputs)


def is_long(outputs: Mapping[str, np.ndarray]) -> bool:
    """Whether an answer has several pieces that take their time."""
    return any(len(values) > SAMPLES or values.size > NUMBERS for values in outputs.values())


def read_top_k(given: bytes | str | None) -> int | None:
    """How many labels a request wants, as its header X-Top-K or part top_k says. Raises WrongParameter."""
    if not given:
        return None
    try:
        return int(given)
    except ValueError as error:
        raise WrongParameter(f"top_k is {given[:20]!r}; give how many labels are wanted") from error


def _open(content: dict[str, Any]) -> str:
    """An object that something is still put into."""
    return _text(content)[:-1]


def _end(notes: dict[str, Any]) -> str:
    """Of a list in an object, and of that."""
    return "]" + (f", {_text(notes)[1:-1]}" if notes else "") + "}"


def _items(parts: Iterable[list[Any]]) -> Iterator[str]:
    """The items of a list that comes in parts, without its brackets."""
    for place, part in enumerate(parts):
        yield (", " if place else "") + _text(part)[1:-1]


def _text(content: Any) -> str:
    try:
        return json.dumps(content, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(content))


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _read_json(body: bytes, bundle: Bundle, most: int) -> Request:
    table = bundle.table
    try:
        check_containers(body)
        content = json.loads(body, object_pairs_hook=each_once)
    except (ValueError, RecursionError) as error:
        raise NotDecodable(f"the body is not JSON of the form {_forms(bundle)}{_behind(error, bundle)}") from error
    if is_sample(content, bundle) or are_texts(content, bundle):
        one = not isinstance(content, list)
        return _instances([content] if one else content, bundle, most, "labels" if one else "predictions")
    if _has_list(content, "instances", table) and not _has_list(content, "inputs", table):
        check_names_read(content, {"instances", *bundle.task.related}, "the body")
        return replace(_instances(content["instances"], bundle, most), related=_related(content, bundle))
    if table and isinstance(content, list):
        return _records(content, table, "predictions", most)
    if table and isinstance(content, dict) and not _has_list(content, "inputs", table):
        _check_is_no_list(content, table)
        return _records([content], table, "labels", most)
    if not (isinstance(content, dict) and _are_tensors(content.get("inputs"))):
        raise NotDecodable(f"the body is not JSON of the form {_forms(bundle)}")
    if content.get("parameters"):
        _check_sequence(content["parameters"], bundle)
    check_names_read(content, {"inputs"}, "the body")
    inputs, files = read_tensors(content, bundle.inputs, most)
    return Request(inputs, "tensors", files=files)


def _check_sequence(parameters: Any, bundle: Bundle) -> None:
    """Raises WrongParameter for those of a sequence."""
    if isinstance(parameters, dict) and parameters.get("sequence_id"):
        words = "state is kept by the ONNX Runtime server alone, at /v2/models/NAME/infer, with --sequences"
        again = "".join(f"; send '{output}' of an answer as '{name}' next" for name, output in bundle.state.items())
        raise WrongParameter(f"sequence_id is {parameters['sequence_id']!r:.100}; {words}{again}")


def _related(content: dict[str, Any], bundle: Bundle) -> tuple[str, ...]:
    for name in bundle.task.related:
        if not isinstance(asked := content.get(name), bool | None):
            raise WrongParameter(f"'{name}' is true where it is wanted of all instances, else false; not {asked!r:.50}")
    return tuple(name for name in bundle.task.related if content.get(name))


def _are_tensors(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(each, dict) and "name" in each for each in given)


def _behind(error: Exception, bundle: Bundle) -> str:
    """What is said of JSON lines, and of a text that only begins like JSON."""
    if text_input(bundle):
        return "; a text that begins like it is sent as text/plain"
    lines = isinstance(error, json.JSONDecodeError) and error.msg == "Extra data"
    return "; more follows its first value, and several samples are sent as one list" if lines else ""


def _has_list(content: Any, key: str, table: TensorSpec | None) -> bool:
    """Whether the key is the protocol's; a column may have its name, of which a cell is no list."""
    if not isinstance(content, dict) or key not in content:
        return False
    return isinstance(content[key], list) or table is None or key not in _columns(table)


def _forms(bundle: Bundle) -> str:
    if text_input(bundle):
        return f'{FORM}, nor {{"text": "a text"}}, nor a list of texts'
    if any(spec.decode for spec in bundle.inputs):
        return f"{FORM}, nor {by_name(bundle)}"
    forms = f'{FORM} or {{"instances": [...]}}'
    return f"{forms}, nor a record of the columns {', '.join(_columns(bundle.table))}" if bundle.table else forms


def _columns(table: TensorSpec) -> tuple[str, ...]:
    return table.table.names if table.table else ()


def _records(records: list[Any], table: TensorSpec, form: Literal["labels", "predictions"], most: int) -> Request:
    if not 0 < len(records) <= most:
        raise WrongTensor(f"the body has {len(records)} records; 1 to {most} are taken")
    rows, notes = from_records(records, table)
    return Request({table.name: rows}, form, notes)


def _check_is_no_list(content: dict[str, Any], table: TensorSpec) -> None:
    """Raises WrongTensor for records under a name of somebody else's."""
    for name, value in content.items():
        if name not in _columns(table) and isinstance(value, list) and value and isinstance(value[0], dict):
            raise WrongTensor(f"there is no column '{name[:100]}'; records are sent as a list, or under 'instances'")


def _instances(
    given: Any, bundle: Bundle, most: int, form: Literal["labels", "predictions"] = "predictions"
) -> Request:
    """A list with a sample in each place, also a record by a table's columns."""
    if not isinstance(given, list) or not 0 < len(given) <= most:
        raise WrongTensor(f"'instances' is not a list of 1 to {most} samples")
    first = given[0]
    if bundle.table and isinstance(first, dict) and not isinstance(first.get(bundle.inputs[0].name), list):
        return _records(given, bundle.table, form, most)
    try:
        inputs, files = columns_of(given, bundle)
    except WrongTensor as error:
        if not bundle.table:
            raise
        raise WrongTensor(f"{error}; or give records of the columns {', '.join(_columns(bundle.table))}") from error
    return Request(inputs, form, files=files)
