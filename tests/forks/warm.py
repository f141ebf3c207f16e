"""Import what our processes import, and have torch load what its first optimizer step and its first export need.

`server.py` forks commands of a process that has imported this module. Nothing in it may start a thread of
Python: a fork has none of its parent's threads, but may find their locks taken.
"""

import importlib

import torch

MODULES = [
    "torchferry.benchmarks.report.report_command",
    "torchferry.serving.export.export_command",
    "torchferry.serving.export.external.external_model",
    "torchferry.serving.export.trained",
    "torchferry.serving.onnx_server.server",
    "torchferry.serving.registry.publish",
    "torchferry.serving.registry.pull",
    "torchferry.serving.session.onnx_session",
    "torchferry.serving.session.torch_session",
    "torchferry.serving.torchserve.archive",
    "torchferry.serving.torchserve.up_torchserve",
    "sklearn.datasets",
    "tests.serving.torchlib",
    "torch.distributed.checkpoint",
    "torch.distributed.launcher.api",
    "torch.utils.tensorboard",
    "torchvision",
    "ts.model_loader",
    "ts.async_service",
    "ts.metrics.metric_cache_yaml_impl",
    "ts.torch_handler.base_handler",
    "torchferry.training.data.digits",
    "torchferry.training.data.tables.table",
    "torchferry.training.outputs.plots",
    "torchferry.training.trainer.run",
    "torchferry.training.outputs.sample_images",
]

for module in MODULES:
    importlib.import_module(module)

tqdm = importlib.import_module("tqdm").tqdm
tqdm.monitor_interval = 0  # it would be a thread

weight = torch.nn.Parameter(torch.zeros(1))
weight.grad = torch.zeros(1)
torch.optim.AdamW([weight]).step()
torch.onnx.export(torch.nn.Linear(1, 1).eval(), (torch.zeros(1, 1),), dynamo=True, verbose=False)
