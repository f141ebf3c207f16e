"""Attributions of an answer to the elements of its input: integrated gradients, computed by Captum.

Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks", arXiv:1703.01365: the gradient of the score
that is explained, averaged along the straight line from a baseline to the input, times their difference. The baseline
is zeros, for an image black pixels; the line has 50 points. All attributions together are the difference between the
input's score and the baseline's, but for `convergence_delta`, which the finite number of points leaves.
"""

import copy
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predictions_json import Request
from torchferry.serving.errors import InferenceFailed, NotExplainable, WrongParameter
from torchferry.serving.session import Session
from torchferry.serving.session.runtimes import RUNTIMES
from torchferry.serving.torchserve.explanation import STEPS, Explanation

if TYPE_CHECKING:  # a worker that computes without torch stays without it
    import torch

EXPLAINED = [runtime.variant for runtime in RUNTIMES.values() if runtime.explains]
POINTS_AT_ONCE = 5
"""Of the line's points: each keeps all that the network computed for it until its gradient is known."""


class Explainer:
    def __init__(self, session: Session, bundle: Bundle, variant: str) -> None:
        self.session, self.bundle, self.variant = session, bundle, variant

    def explain(self, request: Request, target: str | None, check_deadline: Callable[[], None]) -> Explanation:
        """Explain the answer to the one sample of the request: `target`, a label or its index, or else the best label.

        `check_deadline` is called before each pass through the network, and what it raises ends the work.
        Raises NotExplainable, WrongParameter.
        """
        self._check(request)
        import torch

        try:  # not before somebody asks: it loads matplotlib, which most workers never need
            from captum.attr import IntegratedGradients
        except ImportError as error:
            raise InferenceFailed(f"explanations need captum, which this worker cannot load: {error}") from error

        def scores(*inputs: "torch.Tensor") -> "torch.Tensor":
            check_deadline()
            return self._scores(*inputs)

        points = min(POINTS_AT_ONCE, self.bundle.max_batch or POINTS_AT_ONCE)
        inputs = tuple(torch.tensor(request.inputs[spec.name]) for spec in self.bundle.inputs)
        inputs = tuple(values if values.is_floating_point() else values.float() for values in inputs)
        with torch.no_grad():
            number = self._number(target, scores(*inputs)[0])
        found, delta = IntegratedGradients(scores).attribute(
            inputs, target=number, n_steps=STEPS, internal_batch_size=points, return_convergence_delta=True
        )
        if not all(bool(values.isfinite().all()) for values in (*found, delta)):
            raise NotExplainable("the score's gradient is not finite on the way from the baseline to the input")
        names = [spec.name for spec in self.bundle.inputs]
        return Explanation(
            target=self.bundle.labels[number] if self.bundle.labels else number,
            baseline="black image" if len(self.bundle.pictures) == len(names) else "zeros",
            convergence_delta=float(delta),
            attributions={name: _not_half(values).numpy() for name, values in zip(names, found, strict=True)},
            pixels={spec.name: request.inputs[spec.name][0] for spec in self.bundle.pictures},
        )

    def _check(self, request: Request) -> None:
        name, outputs = self.bundle.name, self.bundle.outputs
        if self.variant not in EXPLAINED:
            others = " or ".join(f"{name}-{variant}" for variant in EXPLAINED)
            raise NotExplainable(f"{self.variant} has no gradients; explanations are of the variant {others}")
        for spec in self.bundle.inputs:
            if not (spec.datatype.startswith("FP") or spec.datatype == "UINT8"):
                raise NotExplainable(f"'{spec.name}' is {spec.datatype}; only numbers with fractions can be explained")
        if len(outputs) != 1 or not outputs[0].datatype.startswith("FP") or len(outputs[0].shape) > 2:
            raise NotExplainable(f"{name} does not give one list of scores for a sample")
        if request.size != 1:
            raise NotExplainable(f"the request has {request.size} samples; one at a time is explained")

    def _scores(self, *inputs: "torch.Tensor") -> "torch.Tensor":
        """[batch, labels], for float inputs of whole batches."""
        import torch

        given = self._network(*(values.clone() for values in inputs))  # its first step may be in place
        scores = given[0] if isinstance(given, tuple | list) else given
        if torch.is_grad_enabled() and not scores.requires_grad:
            raise NotExplainable(f"what {self.bundle.name} gives has no gradient with respect to its input")
        scores = scores.reshape(len(scores), -1)
        return torch.cat(self.bundle.task.columns(scores), dim=1)

    @cached_property
    def _network(self) -> "torch.fx.GraphModule":
        """The session's, with the same weights, but without the checks that its inputs are pixels of uint8.

        The casts to float stay: a float passes through them with its gradient.
        """
        import torch

        module: Any = self.session.module  # type: ignore[attr-defined]  # torch's session has one
        graph = copy.deepcopy(module.graph)
        for node in list(graph.nodes):
            if node.target is torch.ops.aten._assert_tensor_metadata.default:
                graph.erase_node(node)
        return torch.fx.GraphModule(module, graph)

    def _number(self, target: str | None, scores: "torch.Tensor") -> int:
        labels = self.bundle.labels
        if target is None:
            if labels and not self.bundle.task.scores_labels and len(scores) > 1:
                raise WrongParameter(f"the model gives several values; name the target: {', '.join(labels)}")
            return int(scores.argmax())
        if target in labels:  # before the indices, since labels may be numbers themselves
            return labels.index(target)
        if target in map(str, range(len(scores))):
            return int(target)
        known = ", ".join(labels[:20]) + (", ..." if len(labels) > 20 else "")
        raise WrongParameter(f"target '{target[:50]}' is none of {len(scores)}{': ' if known else ''}{known}")


def _not_half(values: "torch.Tensor") -> "torch.Tensor":
    return values.float() if values.itemsize < 4 else values
