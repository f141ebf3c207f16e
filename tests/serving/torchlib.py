"""A process that has imported this translates torchlib once; torch.onnx.export does it each time, for 2.5 s."""

import functools

from torch.onnx._internal._lazy_import import onnxscript_apis

onnxscript_apis.get_torchlib_ops = functools.cache(onnxscript_apis.get_torchlib_ops)
