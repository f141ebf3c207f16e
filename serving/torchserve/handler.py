"""The handler inside every archive, for every variant: decode, batch, run, encode.

An archive holds a copy of this file beside the few modules of ours that it imports, so a worker
needs no torchferry installed. TorchServe allows one class in this file.
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# Before any installed copy: the archive must run the code that it was made with.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np

from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.codec.answer_file import JSON, answer_file
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.codec.predictions_json import Request, answer
from torchferry.serving.codec.sent_pixels import in_sent_pixels
from torchferry.serving.codec.tensors import said_datatype, to_raw
from torchferry.serving.cpu import cores
from torchferry.serving.errors import AnswerTooLarge, DeadlinePassed, InferenceFailed, WrongParameter, WrongTensor
from torchferry.serving.session import check_golden, open_variant
from torchferry.serving.session.capped_session import in_parts
from torchferry.serving.torchserve.explain import Explainer
from torchferry.serving.torchserve.grpc_failure import fail_grpc
from torchferry.serving.torchserve.worker_limits import WorkerLimits
from torchferry.serving.torchserve.worker_log import failures
from torchferry.serving.torchserve.worker_metrics import worker_metrics
from torchferry.serving.torchserve.worker_request import GRPC, RAW_LENGTH, STATUS, WorkerRequest


class Handler:
    """What TorchServe calls: `initialize` once in a worker, then `handle` with each batch of requests."""

    def initialize(self, context: Any) -> None:
        """Load the variant, check it with the golden inputs, and run it with each size that a batch can have.

        If that fails no worker ever gets ready, and the launcher finds the reason in the folder
        TORCHFERRY_FAILURES: TorchServe would only log it and try again.
        """
        try:
            variant = context.model_yaml_config["torchferry"]["variant"]
            self.bundle = bundles.load(Path(context.system_properties["model_dir"]))
            self.decoders = Decoders.of(self.bundle)
            self.session = open_variant(self.bundle, variant, int(os.environ.get("TORCHFERRY_THREADS", "1")))
            check_golden(self.session, self.bundle, variant)
            self.limits = WorkerLimits.of()
            self._check_answer(context.model_name)
            self._warm_up(int(context.system_properties["batch_size"] or 1))
            self.explainer = Explainer(self.session, self.bundle, variant)
        except Exception as error:
            if folder := os.environ.get("TORCHFERRY_FAILURES"):
                version = context.manifest["model"]["modelVersion"]
                Path(folder, f"{context.model_name}@{version}").write_text(f"{type(error).__name__}: {error}")
            raise
        self.threads = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
        self.metrics = worker_metrics(context.model_name, self.bundle)

    def handle(self, rows: Sequence[dict[str, Any]], context: Any) -> list[str | bytes]:
        """One answer for each row; a row that is wrong gets its own status and harms no other."""
        self.metrics.began(len(rows))
        calls = [WorkerRequest.of(row, context.get_all_request_header(index)) for index, row in enumerate(rows)]
        self._decode(calls)
        self._run([call for call in calls if call.asked and not call.wants_explanation])
        for call in calls:
            if call.asked and call.wants_explanation:
                call.explain(self.explainer, self.limits.timeout)
        answers = [self._encode(call, context, index) for index, call in enumerate(calls)]
        for call in calls:
            self.metrics.finished(call)
        if len(calls) == 1 and calls[0].error and calls[0].protocol == GRPC:
            fail_grpc(calls[0].error)
        return answers

    def _decode(self, calls: Sequence[WorkerRequest]) -> None:
        if len(calls) == 1:  # a thread would be handed it, and the answer back, for nothing
            calls[0].decode(self.bundle, self.decoders, self.limits)
        else:  # Pillow and numpy let go of the interpreter's lock for most of their work
            list(self.threads.map(lambda call: call.decode(self.bundle, self.decoders, self.limits), calls))

    def _run(self, calls: Sequence[WorkerRequest]) -> None:
        """Run all calls as one batch and give each its share; if it fails, each alone, so that none fails others."""
        if not calls:
            return
        began = time.time()
        try:
            shares = self._outputs(calls)
        except Exception as error:
            if len(calls) > 1:
                for call in calls:
                    self._run([call])
                return
            if isinstance(error, WrongTensor | DeadlinePassed):
                calls[0].error = error
            else:
                calls[0].error = InferenceFailed("the model cannot compute it")
                failures.say("the model cannot compute an answer", error)
            shares = [{}]
        seconds = time.time() - began
        for call, share in zip(calls, shares, strict=True):
            call.outputs = share
            call.seconds |= {"batch_wait": began - call.started - call.seconds["decode"], "inference": seconds}
            together = sum(call.asked.size for call in calls if call.asked)
            call.batch_size = min(together, self.bundle.max_batch or together)

    def _outputs(self, calls: Sequence[WorkerRequest]) -> list[dict[str, np.ndarray]]:
        requests = [call.asked for call in calls if call.asked]
        batch = {
            spec.name: np.concatenate([asked.inputs[spec.name] for asked in requests]) for spec in self.bundle.inputs
        }
        ends = np.cumsum([asked.size for asked in requests])[:-1]

        def compute(part: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            if all(call.elapsed > self.limits.timeout for call in calls):
                calls[0].check_deadline(self.limits.timeout)
            return self.session.run(part)

        outputs = in_parts(compute, batch, self.bundle.max_batch)
        shares = {name: np.split(values, ends) for name, values in outputs.items()}
        return [{name: parts[index] for name, parts in shares.items()} for index in range(len(requests))]

    def _encode(self, call: WorkerRequest, context: Any, index: int) -> str | bytes:
        began = time.time()
        text: str | bytes = ""
        try:
            if call.asked and not call.error:
                text = self._answer(call, context, index)
                self._check_length(text, call.asked.size)
        except (WrongParameter, AnswerTooLarge) as error:
            call.error = error
        except Exception as error:  # a bug of ours, which must not become one of those in the same batch
            failures.say("an answer cannot be written", error)
            call.error = InferenceFailed("a bug of the server: the answer cannot be written")
        if call.error:
            context.set_response_content_type(index, "application/json")
            code, phrase = STATUS[type(call.error)]
            context.set_response_status(code, phrase, index)
            text = json.dumps({"error": phrase, "code": call.error.code, "detail": str(call.error)})
        call.seconds["encode"] = time.time() - began
        return text

    def _answer(self, call: WorkerRequest, context: Any, index: int) -> str | bytes:
        assert call.asked
        if call.explanation:
            context.set_response_content_type(index, "image/png" if call.wants_picture else "application/json")
            return call.explanation.picture() if call.wants_picture else call.explanation.text(context.model_name)
        if (form := call.wanted_form(self.bundle)) != JSON:
            media, pieces = answer_file(self.bundle, form, call.asked.inputs, call.outputs, call.asked.sent())
            context.set_response_content_type(index, media)
            return b"".join(pieces)
        if not call.wants_bytes:
            context.set_response_content_type(index, "application/json")
            return answer(call.asked, call.outputs, self.bundle, context.model_name, call.labels_wanted())
        described, raw, datatypes = [], [], {spec.name: spec.datatype for spec in self.bundle.outputs}
        for name, values in in_sent_pixels(self.bundle, call.outputs, call.asked.placements).items():
            datatype = said_datatype(values, datatypes[name])
            raw.append(to_raw(values, datatype))
            size = {"binary_data_size": len(raw[-1])}
            described.append({"name": name, "datatype": datatype, "shape": list(values.shape), "parameters": size})
        head = {"model_name": context.model_name, "model_version": self.bundle.version, "outputs": described}
        text = json.dumps(head).encode()
        context.set_response_content_type(index, "application/octet-stream")
        context.set_response_header(index, RAW_LENGTH, str(len(text)))
        return b"".join((text, *raw))

    def _check_length(self, text: str | bytes, samples: int) -> None:
        """Raises AnswerTooLarge: TorchServe hangs up on a worker whose answer is longer than it takes."""
        if len(text) > self.limits.answer_bytes:
            fewer = "ask for fewer samples, or " if samples > 1 else ""
            raise AnswerTooLarge(
                f"the answer has {len(text):,} bytes, and {self.limits.answer_bytes:,} are allowed; {fewer}"
                "take it raw, with Accept: application/octet-stream"
            )

    def _check_answer(self, model: str) -> None:
        """Raises AnswerTooLarge for a model whose answer to one golden sample is too long as tensors in JSON."""
        _, outputs = self.bundle.golden()
        one = {name: values[:1] if self.bundle.has_batch_axis else values for name, values in outputs.items()}
        length = len(answer(Request(one, "tensors"), one, self.bundle, model))
        if length > self.limits.answer_bytes:
            raise AnswerTooLarge(
                f"the answer to one golden sample has {length:,} bytes of JSON, and {self.limits.answer_bytes:,} are "
                "allowed; give a larger --max-answer-bytes"
            )

    def _warm_up(self, batch_size: int) -> None:
        inputs, _ = self.bundle.golden()
        for size in range(1, batch_size + 1):
            self.session.run({name: np.resize(values, (size, *values.shape[1:])) for name, values in inputs.items()})
