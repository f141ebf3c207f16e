"""The axes of a network's outputs that vary, found by running it at several sizes of its inputs."""

from collections.abc import Callable, Mapping, Sequence

import torch

from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.sizes import axes_of, resized, tried, words
from torchferry.serving.export.variants.torch_program import place, reason

Outputs = Mapping[str, torch.Tensor]


def output_axes(
    run: Callable[[Sequence[torch.Tensor]], Outputs], test: Samples, inputs: Sequence[TensorSpec]
) -> dict[str, tuple[Axis, ...]]:
    """By output, those with an input axis's size at all sizes under its name, others under one of their own.

    `run` gives the outputs of one sample by name. Raises UserError for sizes between the bounds that the network does
    not take."""
    sizes = tried(inputs)
    shapes = [_shapes(run, test, inputs, each) for each in sizes]
    known = axes_of(inputs)
    found: dict[str, tuple[Axis, ...]] = {}
    for name in shapes[0] if shapes else ():
        own = [each[name] for each in shapes]
        if len({len(shape) for shape in own}) > 1:
            raise UserError(f"--model: its output {name} has {len(own[0])} axes for {words(sizes[0])}, and "
                            f"{len(own[-1])} for {words(sizes[-1])}")  # fmt: skip
        axes = []
        for at, values in enumerate(zip(*own, strict=True)):
            if at == 0 or len(set(values)) == 1:
                continue
            alike = [axis for axis in known if [each[axis] for each in sizes] == list(values)]
            axes.append(_named(at, known[alike[0]]) if alike else Axis(at=at, name=f"{name}_{at}", least=0))
        found[name] = tuple(axes)
    return found


def _named(at: int, axis: Axis) -> Axis:
    return Axis(at=at, name=axis.name, least=axis.least, most=axis.most, step=axis.step)


def _shapes(
    run: Callable[[Sequence[torch.Tensor]], Outputs],
    test: Samples,
    inputs: Sequence[TensorSpec],
    sizes: Mapping[str, int],
) -> dict[str, tuple[int, ...]]:
    sample = resized(test.first(1), inputs, sizes)
    try:
        given = run([torch.from_numpy(sample[spec.name]) for spec in inputs])
    except UserError:
        raise
    except Exception as error:  # whatever a network makes of a size that it does not take
        way = "; say the bounds that it takes" + (", or give real samples with --eval-data" if test.random else "")
        text = f"the model does not take {words(sizes)}{place(error)}: {reason(error)}{way}"
        raise UserError(f"--input: {text}") from error
    return {name: tuple(value.shape) for name, value in given.items()}
