"""Every row of the table has its builder."""

from torchferry.serving.export.variants.builders import BUILDERS
from torchferry.serving.export.variants.openvino_graph import openvino_fp32
from torchferry.serving.export.variants.variants import torch_program
from torchferry.serving.session.runtimes import RUNTIMES


def test_every_variant_that_can_be_opened_can_be_built() -> None:
    assert list(BUILDERS) == list(RUNTIMES)
    assert (BUILDERS["torch"], BUILDERS["openvino-fp32"]) == (torch_program, openvino_fp32)
