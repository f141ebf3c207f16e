"""What is said where OpenVINO is missing, which is an extra of its own."""

MISSING = "openvino-fp32 needs openvino; pip install 'torchferry[openvino]'"
