"""What tests of OpenVINO need, which is an extra of its own."""

import pytest

from torchferry.serving.session.runtimes import RUNTIMES

HERE = RUNTIMES["openvino-fp32"].lacks is None
MISSING = "openvino-fp32 needs openvino; pip install 'torchferry[openvino]'"
NEEDS_OPENVINO = pytest.mark.skipif(not HERE, reason="openvino is not installed; pip install 'torchferry[openvino]'")
