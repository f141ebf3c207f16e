"""Questions to a bundle without a server: read, computed and answered by the functions that servers use."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from torchferry.files import sha256
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.answer_file import Sent, answer_file
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.codec.predictions_json import Request, answer, read_request
from torchferry.serving.errors import RequestError
from torchferry.serving.onnx_server.models.model import chosen
from torchferry.serving.onnx_server.models.plan import planned
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.predict.answers import FILE, Result, Unanswered, asks_several, each, refused
from torchferry.serving.predict.question import body
from torchferry.serving.predict.sample import Sample
from torchferry.serving.predict.sample_files import Kind
from torchferry.serving.session import check_golden, open_variant

FILES_TOGETHER, ROWS_TOGETHER = 64, 512
"""Samples of one question: so many that it takes longer to answer than to hand over to a process. They are computed in
batches of a server's size all the same."""
MOST_NUMBERS = 2**20
"""Of a question's outputs: their text is twenty times as large, and several questions are under way."""

Outputs = Mapping[str, np.ndarray]
Read = tuple[Sequence[Sample], Request | Unanswered]
"""The samples of a body, and what it asks or why it asks nothing."""


class AskedBundle:
    def __init__(self, bundle: Bundle, variant: str = "", top_k: int | None = None, form: str = "") -> None:
        """Load the variant, or the one that a server would choose, and check its golden outputs. Raises UserError.

        Answers have the `top_k` best labels, or the best one, or are files in a `form` of the task's. It computes on
        one thread, so that its answers are the same on every number of cores.
        """
        self.bundle, self.variant = bundle, variant or chosen(bundle).variant
        self.top_k, self.form = top_k or 1, form
        self.decoders = Decoders.of(bundle)
        self.session = open_variant(bundle, self.variant, threads=1)
        check_golden(self.session, bundle, self.variant)
        self.max_batch = planned(bundle, self.variant, Settings()).max_batch
        self.takes_batches = all(spec.shape[:1] == (-1,) for spec in bundle.inputs)

    @property
    def about(self) -> dict[str, Any]:
        model = f"{self.bundle.name} {self.bundle.version} ({self.variant})"
        return {"model": model, "model.json": sha256(self.bundle.root / "model.json")}

    @property
    def kinds(self) -> list[Kind]:
        """Of the inputs that take files or texts."""
        return [spec.decode.kind for spec in self.bundle.inputs if spec.decode]

    def together(self, sample: Sample) -> int:
        most = ROWS_TOGETHER if sample.joins else FILES_TOGETHER
        numbers = sum(abs(prod(spec.shape[1:])) for spec in self.bundle.outputs)
        return max(1, min(most, MOST_NUMBERS // max(1, numbers)))

    def ask(self, samples: Sequence[Sample]) -> list[Result]:
        """The answers; samples that are refused or fail together are asked alone, so that only those fail that do."""
        bodies = [samples] if samples[0].joins else [[sample] for sample in samples]
        read = [one for together in bodies for one in self._read(together)]
        computed = self._computed([asked for _, asked in read if isinstance(asked, Request)])
        return [result for some, asked in read for result in self._results(some, asked, computed)]

    def _read(self, samples: Sequence[Sample]) -> list[Read]:
        try:
            return [
                (samples, read_request(body(samples), self.bundle).decoded(self.decoders, keeps_files=bool(self.form)))
            ]
        except OSError as error:
            return [(samples, Unanswered(f"cannot be read ({error.strerror})"))]
        except RequestError as error:
            if len(samples) == 1:
                return [(samples, refused(samples[0], str(error)))]
        return [one for sample in samples for one in self._read([sample])]

    def _computed(self, requests: Sequence[Request]) -> Iterator[Outputs | Unanswered]:
        """Of all at once; if that fails, of each alone."""
        try:
            yield from self._shares(requests) if requests else ()
        except Exception as error:  # whatever the session raises is the end of one request
            if len(requests) > 1:
                for request in requests:
                    yield from self._computed([request])
            elif isinstance(error, RequestError):
                yield Unanswered(str(error))
            else:
                yield Unanswered(f"the model cannot compute it ({type(error).__name__}: {error})"[:500], fault=True)

    def _shares(self, requests: Sequence[Request]) -> list[Outputs]:
        """Each request's rows of the outputs."""
        names = requests[0].inputs
        inputs = {name: np.concatenate([request.inputs[name] for request in requests]) for name in names}
        sizes = [request.size for request in requests]
        outputs = self._run(inputs, sum(sizes))
        shares = {name: np.split(values, np.cumsum(sizes)[:-1]) for name, values in outputs.items()}
        return [{name: parts[place] for name, parts in shares.items()} for place in range(len(sizes))]

    def _run(self, inputs: Mapping[str, np.ndarray], size: int) -> Outputs:
        """In batches as large as a server makes them."""
        if not self.takes_batches:
            return self.session.run(inputs)
        ran = [
            self.session.run({name: values[start : start + self.max_batch] for name, values in inputs.items()})
            for start in range(0, size, self.max_batch)
        ]
        outputs = {name: np.concatenate([each_[name] for each_ in ran]) for name in ran[0]}
        for name, values in outputs.items():
            if len(values) != size:  # a graph may lose the batch axis, and shares would then be of something else
                raise ValueError(f"output '{name}' has {len(values)} rows for {size} samples")
        return outputs

    def _results(
        self, samples: Sequence[Sample], asked: Request | Unanswered, computed: Iterator[Outputs | Unanswered]
    ) -> list[Result]:
        if isinstance(asked, Unanswered):
            return [asked]
        outputs = next(computed)
        if self.form and not isinstance(outputs, Unanswered):
            return self._files(asked, outputs, samples)
        if not isinstance(outputs, Unanswered):
            return each(json.loads(answer(asked, outputs, self.bundle, self.bundle.name, self.top_k)), samples)
        return [outputs] if len(samples) == 1 else [one for sample in samples for one in self.ask([sample])]

    def _files(self, asked: Request, outputs: Outputs, samples: Sequence[Sample]) -> list[Result]:
        if asked.size != len(samples):
            return [asks_several(asked.size)]
        return [
            self._file(_of(asked.inputs, place), _of(outputs, place), asked.sent(place)) for place in range(asked.size)
        ]

    def _file(self, inputs: Outputs, outputs: Outputs, sent: Sent | None) -> Result:
        try:
            _, pieces = answer_file(self.bundle, self.form, inputs, outputs, sent)
            return {FILE: b"".join(pieces)}
        except Exception as error:  # a user's task may be what makes it
            return Unanswered(f"no {self.form} can be made of its answer ({type(error).__name__}: {error})"[:500], True)


def _of(tensors: Outputs, place: int) -> Outputs:
    """One sample's, with its batch axis."""
    return {name: values[place : place + 1] for name, values in tensors.items()}
