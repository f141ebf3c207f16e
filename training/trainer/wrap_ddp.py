"""From a run's parts to the step that the loop takes; the process group exists by now."""

from contextlib import ExitStack

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.config.recipe import DistributedConfig
from torchferry.training.distributed.process_group import why_ranks_parted
from torchferry.training.tasks.task import on
from torchferry.training.trainer.build import Run
from torchferry.training.trainer.lr_schedule import build_schedule
from torchferry.training.trainer.nonfinite_guard import NonFiniteGuard
from torchferry.training.trainer.optimizer import build_optimizer
from torchferry.training.trainer.preflight import blank_batch
from torchferry.training.trainer.train_step import Step


def assemble(run: Run) -> Step:
    recipe, device = run.recipe, run.rank_info.device
    torch.set_float32_matmul_precision(recipe.step.matmul_precision)
    # It picks kernels by time, so another run may get others, which round differently.
    torch.backends.cudnn.benchmark = not recipe.deterministic
    torch.use_deterministic_algorithms(recipe.deterministic)
    model = run.model.to(device)
    if recipe.distributed.sync_batchnorm:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    if recipe.step.channels_last:
        model.to(memory_format=torch.channels_last)
    decay = recipe.step.ema_decay
    ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True) if decay else None
    if recipe.step.compile:
        # Not torch.compile(model), whose wrapper is no Normalized; this keeps the class and the weights' names.
        model.compile()
    try:
        # Gradients as views of DDP's buckets need no second copy in memory.
        parallel = DistributedDataParallel(
            model,
            gradient_as_bucket_view=True,
            static_graph=recipe.distributed.static_graph,
            find_unused_parameters=recipe.distributed.find_unused_parameters,
        )
    except Exception as error:
        if why_ranks_parted(error):
            raise
        raise UserError(f"model: cannot be trained by DDP: {one_line(error)}") from error
    comm_state = _register_hook(parallel, recipe.distributed)
    optimizer = build_optimizer(recipe.optimizer, model.network)
    step = Step(
        config=recipe.step,
        task=run.task,
        model=parallel,
        loss=run.loss.to(device),
        optimizer=optimizer,
        scheduler=build_schedule(recipe.schedule, optimizer, run.total_steps),
        schedule_by_step=recipe.schedule.every == "step",
        scaler=torch.amp.GradScaler(device.type, enabled=recipe.step.precision == "fp16"),
        ema=ema,
        mix=run.mix,
        comm_state=comm_state,
        guard=NonFiniteGuard(model, optimizer, device),
        device=device,
    )
    # Last: DDP wants its hook before the first backward pass.
    _settle_buckets(run, parallel)
    return step


def _register_hook(model: DistributedDataParallel, config: DistributedConfig) -> object:
    """What the hook keeps between steps, if anything."""
    group = dist.group.WORLD
    if config.comm_hook == "powersgd":
        # 2 is the least that PowerSGD takes with error feedback.
        state = powerSGD_hook.PowerSGDState(group, config.powersgd_rank, start_powerSGD_iter=2)
        model.register_comm_hook(state, powerSGD_hook.powerSGD_hook)
        return state
    if config.comm_hook != "none":
        hook = default_hooks.fp16_compress_hook if config.comm_hook == "fp16" else default_hooks.bf16_compress_hook
        model.register_comm_hook(group, hook)
    return None


def _settle_buckets(run: Run, model: DistributedDataParallel) -> None:
    """One backward pass that changes nothing.

    DDP orders its buckets anew after the first one it sees. Rings of three and more ranks add in another order
    then, so without this the first step after a restart would differ in its last bits from the same step of a
    run that went on.
    """
    device = run.rank_info.device
    blank = blank_batch(run.source, run.task, run.order.share, soft=run.mix is not None)
    inputs, targets = on(blank, device)
    model.eval()  # leaves BatchNorm's statistics and the random generators alone
    with ExitStack() as modes:
        if run.recipe.step.compile:  # else not even asked for: the compiler takes a second to load
            modes.enter_context(torch.compiler.set_stance("force_eager"))
        if any(isinstance(module, nn.RNNBase) for module in model.modules()):
            modes.enter_context(torch.backends.cudnn.flags(enabled=False))  # whose RNNs go backward in training alone
        run.loss(*run.task.for_loss(model(inputs), targets)).sum().backward()
    model.zero_grad()
    model.train()
