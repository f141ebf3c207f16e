"""An answer as a file, such as a mask's PNG: which one a request wants, and the file of its one sample."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs

import numpy as np

from torchferry.contract.placement import Placement
from torchferry.contract.tasks.drawn_boxes import MOST
from torchferry.contract.tasks.task import Arrays
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle.answers import answers_of
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.images import sent_image
from torchferry.serving.codec.sent_pixels import sample_in_sent_pixels
from torchferry.serving.errors import WrongParameter

FORM = "form"
"""The word in a query: ?form=png."""
UNWANTED = re.compile(r"q\s*=\s*0(\.0*)?")
"""What a media type has after it that is not to be sent."""
FIELDS = 8
"""Of a query, that are looked at."""
JSON, JSON_TYPE = "json", "application/json"


def form_of_query(query: str) -> str:
    """What ?form= says; empty where there is no query. Raises WrongParameter for any other."""
    try:
        found = parse_qs(query, keep_blank_values=True, max_num_fields=FIELDS) if query else {}
    except ValueError as error:
        raise WrongParameter(f"?: {error}; only ?{FORM}= is read, and all else stands in the body") from error
    if set(found) - {FORM} or len(found.get(FORM, [""])) > 1:
        raise WrongParameter(f"'?{query[:100]}' is not read; only ?{FORM}= is, and all else stands in the body")
    return found.get(FORM, [""])[0]


def wanted_form(bundle: Bundle, form: str, accept: str) -> str:
    """The name of a form of the task's files, or json. `form` is what was asked for by name, and goes before `accept`,
    a header's list of media types, of which the first one that is known decides. Raises WrongParameter."""
    files = bundle.task.files
    if form:
        if form not in (JSON, *files):
            known = ", ".join((JSON, *files))
            hint = did_you_mean(form, (JSON, *files), f"{bundle.name} answers in {known}")
            raise WrongParameter(f"?{FORM}={form[:50]} is not known{hint}")
        return form
    by_type = {media: name for name, media in files.items()} | {JSON_TYPE: JSON}
    ranges = (each.partition(";") for each in accept[:1000].split(","))
    wanted = (media.strip().lower() for media, _, weight in ranges if not UNWANTED.fullmatch(weight.strip().lower()))
    return next((by_type[each] for each in wanted if each in by_type), JSON)


@dataclass(frozen=True)
class Sent:
    """The one picture of a request, as a file."""

    file: bytes
    placement: Placement
    """In the network's."""


def answer_file(
    bundle: Bundle, form: str, inputs: Arrays, outputs: Arrays, sent: Sent | None = None
) -> tuple[str, Iterator[bytes]]:
    """The media type, and what the answer's one sample is in it, made once it is asked for, since that takes a while.
    `outputs` are in the network's pixels, the answer is in those of the picture that was `sent`. Raises WrongParameter
    for more samples."""
    samples = len(next(iter(outputs.values())))
    if samples != 1:
        raise WrongParameter(f"the request has {samples} samples; a {form} is of one")
    sample = {name: values[0] for name, values in answers_of(bundle, outputs).items()}
    picture = inputs[bundle.inputs[0].name][0] if len(bundle.inputs) == 1 and bundle.pictures else None
    return bundle.task.files[form], (_file(bundle, name, sample, picture, sent) for name in (form,))


def _file(bundle: Bundle, form: str, sample: Arrays, picture: np.ndarray | None, sent: Sent | None) -> bytes:
    task, spec = bundle.task, bundle.picture
    if sent and spec and spec.image and (task.places or task.masks):
        picture, placement = None, sent.placement
        if task.places:
            picture = sent_image(sent.file, spec.image, MOST)
            placement = placement.of(*picture.shape[1:])
        sample = sample_in_sent_pixels(bundle, sample, placement)
    return task.file(form, sample, picture)
