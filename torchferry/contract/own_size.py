"""Pictures of their own size: how large one becomes between the bounds of a network that takes many.

A picture whose sides lie between the bounds keeps its pixels. A larger one is made smaller, its ratio kept, until both
sides fit; a smaller one is made larger, its ratio kept, until both reach the least. A side that is then no multiple of
the step has more behind it, at the right and below. It travels into archives.
"""

from torchferry.contract.axes import Axis


class NoOwnSize(ValueError):
    """The ratio of a picture's sides is one that both bounds do not allow."""


def own_size(width: int, height: int, across: Axis, down: Axis) -> tuple[int, int]:
    """Width and height of what the picture becomes. Raises NoOwnSize."""
    sides = ((width, across), (height, down))
    smaller = min(1.0, *(axis.sizes[-1] / side for side, axis in sides))
    larger = max(1.0, *(axis.least / side for side, axis in sides)) if smaller == 1 else 1.0
    made = tuple(max(1, round(side * smaller * larger)) for side, _ in sides)
    for side, (_, axis) in zip(made, sides, strict=True):
        if not axis.least <= side <= axis.sizes[-1]:
            ratio = f"{width} x {height} pixels, of whose ratio no picture has"
            raise NoOwnSize(f"the image has {ratio} {_bounds(across)} across and {_bounds(down)} down")
    return made[0], made[1]


def up_to_step(side: int, axis: Axis) -> int:
    """The least size of the axis in which `side` pixels have room."""
    return max(axis.sizes[0], -(-side // axis.step) * axis.step)


def _bounds(axis: Axis) -> str:
    return f"{axis.least:,} to {axis.sizes[-1]:,}"
