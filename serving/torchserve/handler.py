"""The handler inside every archive, for every variant: decode, batch, run, encode.

An archive holds a copy of this file beside the few modules of `serving` that it imports, so a worker
needs no torchferry installed. TorchServe allows one class in this file.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Before any installed copy: the archive must run the code that it was made with.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np

from serving import bundle as bundles
from serving.errors import NotDecodable, RequestError, TooLarge, WrongTensor
from serving.request import Request, answer, read_request
from serving.session import check_golden, open_variant

STATUS = {
    NotDecodable: (400, "Bad Request"),
    TooLarge: (413, "Content Too Large"),
    WrongTensor: (422, "Unprocessable Content"),
}


class Handler:
    """What TorchServe calls: `initialize` once in a worker, then `handle` with each batch of requests."""

    def initialize(self, context: Any) -> None:
        """Load the variant and check it with the golden inputs.

        If that fails no worker ever gets ready, and the launcher finds the reason in the folder
        TORCHFERRY_FAILURES: TorchServe would only log it and try again.
        """
        try:
            variant = context.model_yaml_config["torchferry"]["variant"]
            self.bundle = bundles.load(Path(context.system_properties["model_dir"]))
            self.session = open_variant(self.bundle, variant, int(os.environ.get("TORCHFERRY_THREADS", "1")))
            check_golden(self.session, self.bundle, variant)
        except Exception as error:
            if folder := os.environ.get("TORCHFERRY_FAILURES"):
                Path(folder, context.model_name).write_text(f"{type(error).__name__}: {error}")
            raise

    def handle(self, rows: Sequence[dict[str, Any]], context: Any) -> list[str]:
        """One JSON answer for each row; a row that is wrong gets its own status and harms no other."""
        requests = [self._decode(row) for row in rows]
        outputs = self._run([request for request in requests if isinstance(request, Request)])
        return [self._encode(request, outputs, context, index) for index, request in enumerate(requests)]

    def _decode(self, row: dict[str, Any]) -> Request | RequestError:
        try:
            return read_request(bytes(row.get("data") or row.get("body") or b""), self.bundle)
        except RequestError as error:
            return error

    def _run(self, requests: Sequence[Request]) -> Iterator[dict[str, np.ndarray]]:
        """Run all requests as one batch; gives each one's share of the outputs, in order."""
        if not requests:
            return iter(())
        names = [tensor.name for tensor in self.bundle.inputs]
        batch = {name: np.concatenate([request.inputs[name] for request in requests]) for name in names}
        ends = np.cumsum([request.size for request in requests])[:-1]
        shares = {name: np.split(values, ends) for name, values in self.session.run(batch).items()}
        return iter([{name: parts[index] for name, parts in shares.items()} for index in range(len(requests))])

    def _encode(
        self, request: Request | RequestError, outputs: Iterator[dict[str, np.ndarray]], context: Any, index: int
    ) -> str:
        context.set_response_content_type(index, "application/json")
        if isinstance(request, Request):
            return answer(request, next(outputs), self.bundle, context.model_name)
        code, phrase = STATUS[type(request)]
        context.set_response_status(code, phrase, index)
        return json.dumps({"error": phrase, "detail": str(request)})
