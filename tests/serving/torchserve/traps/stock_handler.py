"""A handler as TorchServe's documentation writes one: BaseHandler loads the graph, and three methods are one's own."""

import json
from typing import Any

import numpy as np
from ts.torch_handler.base_handler import BaseHandler  # type: ignore[import-untyped]


class Digits(BaseHandler):  # type: ignore[misc]
    def preprocess(self, data: list[dict[str, Any]]) -> list[np.ndarray]:
        bodies: list[bytes] = [row.get("data") or row.get("body") or b"" for row in data]
        return [np.array(json.loads(body)["instances"], np.uint8) for body in bodies]

    def inference(self, data: list[np.ndarray]) -> list[np.ndarray]:
        [probabilities] = self.model.run(None, {"image": np.concatenate(data)})
        return np.split(probabilities, np.cumsum([len(images) for images in data])[:-1])

    def postprocess(self, data: list[np.ndarray]) -> list[dict[str, Any]]:
        return [{"predictions": probabilities.tolist()} for probabilities in data]
