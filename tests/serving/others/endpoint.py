"""A served model in the place of a package's own: asked over REST and gRPC, and compared with it each time."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import tritonclient.grpc

from tests.serving.onnx_server.asking import LENGTH, arrays, ask, raw_tensor
from tests.serving.others.replaced import Run
from torchferry.serving.codec.tensors import DATATYPES


class Endpoint:
    def __init__(self, addresses: Mapping[str, str], name: str, *, alone: bool) -> None:
        """`alone`: its graph has no batch, so that a request has one in front."""
        self.rest, self.name, self.alone = addresses["rest"], name, alone
        self.grpc = tritonclient.grpc.InferenceServerClient(addresses["grpc"].removeprefix("grpc://"))
        described = ask(self.rest, f"/v2/models/{name}").json
        self.inputs = [each["name"] for each in described["inputs"]]
        self.outputs = [each["name"] for each in described["outputs"]]
        self.asked = 0
        self.largest = 0.0
        """Difference from the package's own."""

    def in_place_of(self, own: Run) -> Run:
        def run(given: Sequence[np.ndarray]) -> list[np.ndarray]:
            wanted = own(given)
            sent = [values[None] if self.alone else np.ascontiguousarray(values) for values in given]
            answers, over_grpc = self._over_rest(sent), self._over_grpc(sent)
            for answer, other in zip(answers, over_grpc, strict=True):
                np.testing.assert_array_equal(answer, other)
            found = [values[0] if self.alone else values for values in answers]
            for answer, values in zip(found, wanted, strict=True):
                assert answer.shape == np.shape(values)
                self.largest = max(self.largest, float(np.abs(answer - values).max(initial=0)))
            self.asked += 1
            return found

        return run

    def _over_rest(self, sent: Sequence[np.ndarray]) -> list[np.ndarray]:
        inputs = list(map(raw_tensor, self.inputs, sent))
        head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
        body = head + b"".join(values.tobytes() for values in sent)
        answer = ask(self.rest, f"/v2/models/{self.name}/infer", body, {LENGTH: str(len(head))})
        found = arrays(answer)
        return [np.array(found[name]) for name in self.outputs]

    def _over_grpc(self, sent: Sequence[np.ndarray]) -> list[np.ndarray]:
        given = []
        for name, values in zip(self.inputs, sent, strict=True):
            given.append(tritonclient.grpc.InferInput(name, list(values.shape), DATATYPES[values.dtype]))
            given[-1].set_data_from_numpy(values)
        answer = self.grpc.infer(self.name, given)
        return [np.array(answer.as_numpy(name)) for name in self.outputs]
