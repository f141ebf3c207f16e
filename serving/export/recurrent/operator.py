"""One operator for torch's recurrent layers, which stands in a trace for what torch can trace at one length alone.

Behind a trace it becomes torch's own operators again, or ONNX's.
"""

from typing import Any

import torch

KINDS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
"""As torch calls its functions."""
LIBRARY = torch.library.Library("torchferry", "FRAGMENT")
LIBRARY.define(
    "recurrent(str kind, Tensor x, Tensor? lengths, Tensor[] states, Tensor[] weights, int layers, bool bidirectional)"
    " -> Tensor[]"
)


RECURRENT = torch.ops.torchferry.recurrent.default


@torch.library.register_fake("torchferry::recurrent", lib=LIBRARY)  # type: ignore[untyped-decorator]
def shapes(*given: Any) -> list[torch.Tensor]:
    """Of [steps, batch, features], the `lengths` of its samples or None, and states of [layers, batch, width]: what
    each step gives, zero behind a sample's last one, and the last states."""
    _, x, _, states, _, _, bidirectional = given
    width = states[0].shape[2] * (2 if bidirectional else 1)
    return [x.new_empty(x.shape[0], x.shape[1], width), *(torch.empty_like(state) for state in states)]
