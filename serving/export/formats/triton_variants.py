"""The variants of a bundle that Triton serves, and why no others."""

from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.session.runtimes import OPENVINO, RUNTIMES, rows_of

UNLIKE_OURS = (
    "Triton's OpenVINO backend takes bfloat16 where the processor has it and lets indices outside of a table pass"
)
"""It can be told neither: its parameters have bfloat16 as a hint to give, and none for float32."""


def triton_variants(bundle: Bundle) -> list[str]:
    """Raises UserError for a bundle that has none."""
    found = [runtime.variant for runtime in rows_of(bundle.accepted) if runtime.triton]
    if not found:
        others = "".join(f"; {name} is none for Triton: {why_not(name)}" for name in bundle.accepted[:1])
        raise UserError(f"{bundle.root}: has no accepted ONNX variant{others}")
    return found


def why_not(variant: str) -> str:
    """Of one that Triton does not serve."""
    own = (runtime := RUNTIMES.get(variant)) is not None and runtime.package == OPENVINO
    return UNLIKE_OURS if own else "an ONNX graph is what is written for it"
