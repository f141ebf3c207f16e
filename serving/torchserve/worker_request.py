"""One request as a worker has it, from what TorchServe hands over to the status that it is answered with."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.answer_file import JSON, wanted_form
from torchferry.serving.codec.body_types import FORM, URL_ENCODED
from torchferry.serving.codec.content_encoding import unpacked
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.codec.predictions_json import Request, read_request, read_top_k
from torchferry.serving.codec.tensors import from_raw_alone
from torchferry.serving.codec.upload import Upload, the_body, the_input, upload
from torchferry.serving.errors import (
    AnswerTooLarge,
    DeadlinePassed,
    InferenceFailed,
    NoPicture,
    NotDecodable,
    NotExplainable,
    RequestError,
    TooLarge,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.torchserve.explain import Explainer
from torchferry.serving.torchserve.explanation import Explanation
from torchferry.serving.torchserve.worker_limits import WorkerLimits
from torchferry.serving.torchserve.worker_log import failures

STATUS = {
    NotDecodable: (400, "Bad Request"),
    NoPicture: (406, "Not Acceptable"),  # the request is right, but for the Accept in it
    TooLarge: (413, "Content Too Large"),
    UnsupportedType: (415, "Unsupported Media Type"),
    WrongTensor: (422, "Unprocessable Content"),
    WrongParameter: (422, "Unprocessable Content"),
    NotExplainable: (422, "Unprocessable Content"),
    AnswerTooLarge: (422, "Unprocessable Content"),
    InferenceFailed: (500, "Internal Server Error"),
    DeadlinePassed: (504, "Gateway Timeout"),
}
GRPC = "grpc-predictions"
OUTCOMES = {InferenceFailed: "server_error", DeadlinePassed: "deadline"}
LONGEST_QUEUE = 3600.0  # seconds; what claims to have waited longer has not
TAKEN_APART = URL_ENCODED
"""What curl and urllib say of any body; TorchServe drops most of it, unless the gateway says otherwise."""
BODY_TYPE = "x-body-type"
"""The gateway's header for what the client has said of the body."""
RAW_LENGTH = "inference-header-content-length"


@dataclass
class WorkerRequest:
    body: bytes
    headers: Mapping[str, str]
    """By name in lower case; over gRPC none of the client's arrive."""
    top_k: bytes | bytearray | None = None
    """As it was sent: TorchServe passes no query string on, so it is a header, or a part of a form."""
    target: bytes | bytearray | None = None
    """The label that is to be explained; sent as `top_k` is."""
    started: float = field(default_factory=time.time)
    """When the worker got it, in seconds since the epoch."""
    parts: Mapping[str, bytes] | None = None
    """Of a form that TorchServe has taken apart, and of gRPC."""
    asked: Request | None = None
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    explanation: Explanation | None = None
    error: RequestError | DeadlinePassed | InferenceFailed | None = None
    """One of STATUS, once the request cannot be answered."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage."""
    batch_size: int = 0
    """Samples that were computed together with its own."""

    @classmethod
    def of(cls, row: Mapping[str, Any], headers: Mapping[str, Any]) -> "WorkerRequest":
        """A row's only part is called `body`, unless TorchServe has taken a form apart, or it came over gRPC."""
        parts = {name: value.encode() if isinstance(value, str) else bytes(value) for name, value in row.items()}
        named = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        whole = parts.keys() == {"body"}
        return cls(
            parts["body"] if whole else b"",
            named,
            parts.get("top_k") or named.get("x-top-k", "").encode() or None,
            parts.get("target") or named.get("x-target", "").encode() or None,
            parts=None if whole else parts,
        )

    @property
    def protocol(self) -> str:
        if self.wants_explanation:
            return "explanations"
        return "predictions" if "host" in self.headers else GRPC

    @property
    def arrived(self) -> float:
        """When the gateway got it, or the worker where there is no gateway.

        A client that says so itself can only make its own request late.
        """
        try:
            said = float(self.headers["x-request-start"])
        except (KeyError, ValueError):
            return self.started
        return said if self.started - LONGEST_QUEUE < said < self.started else self.started

    @property
    def elapsed(self) -> float:
        """Seconds since it arrived."""
        return time.time() - self.arrived

    @property
    def is_golden(self) -> bool:
        """Whether it only asks if the model is ready; what it is answered with says nothing of clients' samples."""
        return GOLDEN in self.headers

    @property
    def wants_bytes(self) -> bool:
        return "application/octet-stream" in self.headers.get("accept", "")

    @property
    def wants_explanation(self) -> bool:
        """TorchServe's word for it: the request came to /explanations."""
        return self.headers.get("explain") == "True"

    @property
    def wants_picture(self) -> bool:
        return "image/png" in self.headers.get("accept", "")

    def wanted_form(self, bundle: Bundle) -> str:
        """json, or that of a file of the task's. The gateway says ?form= in a header, as TorchServe passes no query on.
        Raises WrongParameter."""
        return wanted_form(bundle, self.headers.get("x-form", ""), self.headers.get("accept", ""))

    @property
    def outcome(self) -> str:
        return OUTCOMES.get(type(self.error), "client_error") if self.error else "ok"

    def decode(self, bundle: Bundle, decoders: Decoders, limits: WorkerLimits) -> None:
        """Fill `asked`, or `error`. What waited longer than the time limit has nobody to answer any more."""
        began = time.time()
        self.seconds["queue"] = self.started - self.arrived
        try:
            self.check_deadline(limits.timeout)
            asked = self._read(bundle, limits)
            form = self.wanted_form(bundle)  # before anything is computed
            if asked.size > limits.samples:
                raise TooLarge(f"the request has {asked.size} samples; {limits.samples} are allowed")
            go_on = partial(self.check_deadline, limits.timeout)
            self.asked = asked.decoded(decoders, limits.pixels, go_on, keeps_files=form != JSON)
        except (RequestError, DeadlinePassed) as error:
            self.error = error
        except Exception as error:  # a bug of ours, which must not become one of those in the same batch
            failures.say("a request cannot be read", error)
            self.error = InferenceFailed("a bug of the server: the request cannot be read")
        self.seconds["decode"] = time.time() - began

    def explain(self, explainer: Explainer, timeout: float) -> None:
        """Fill `explanation`, or `error`; after `timeout` seconds it ends, between two passes through the network."""
        assert self.asked
        began, self.batch_size = time.time(), 1
        try:
            if self.wants_picture and not explainer.bundle.pictures:
                raise NoPicture(f"{explainer.bundle.name} takes no image to draw on; accept application/json")
            target = bytes(self.target).decode(errors="replace") if self.target else None
            self.explanation = explainer.explain(self.asked, target, lambda: self.check_deadline(timeout))
        except (RequestError, DeadlinePassed, InferenceFailed) as error:
            self.error = error
        except Exception as error:
            failures.say("an explanation cannot be computed", error)
            self.error = InferenceFailed("the explanation cannot be computed")
        self.seconds |= {
            "batch_wait": began - self.started - self.seconds["decode"],
            "inference": time.time() - began,
        }

    def check_deadline(self, timeout: float) -> None:
        """Raises DeadlinePassed."""
        if self.elapsed > timeout:
            raise DeadlinePassed(f"the request was not answered within {timeout:g} s")

    def _read(self, bundle: Bundle, limits: WorkerLimits) -> Request:
        sent = self._body(limits)
        if (length := self.headers.get(RAW_LENGTH)) is None:
            return read_request(sent.body, bundle, limits.samples, sent.content_type)
        if length != "0":
            raise NotDecodable(f"{RAW_LENGTH} is {length[:20]}; TorchServe takes raw elements alone, and then it is 0")
        return Request(from_raw_alone(sent.body, bundle.inputs), "tensors")

    def _body(self, limits: WorkerLimits) -> Upload:
        """What the model is asked with, of a body that is packed, or a form."""
        kind = self.headers.get(BODY_TYPE, self.headers.get("content-type", ""))
        if BODY_TYPE not in self.headers and kind.lower().startswith(TAKEN_APART):  # also where it made parts of it
            raise UnsupportedType(f"TorchServe takes a body of {TAKEN_APART} apart; send application/octet-stream")
        if self.parts is not None:
            return Upload(the_input(self.parts)) if self.protocol == GRPC else the_body(self.parts)
        if BODY_TYPE not in self.headers and kind.lower().startswith(FORM):
            return Upload(self.body)  # the part called body of a form that TorchServe has taken apart
        sent = upload(unpacked(self.body, self.headers.get("content-encoding", ""), limits.body_bytes), kind)
        self.top_k = sent.parameters.get("top_k", self.top_k)
        self.target = sent.parameters.get("target", self.target)
        return sent

    def labels_wanted(self) -> int | None:
        """Raises WrongParameter."""
        return read_top_k(bytes(self.top_k) if self.top_k else None)
