"""Something of the user's, named in a source's arguments as {name: import path, args: {...}}."""

from typing import Any

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build


def imported(spec: dict[str, Any], what: str) -> Any:
    """What the named class or function gives; `what` is the recipe's key. Raises UserError, also for its errors."""
    unknown = sorted(set(spec) - {"name", "args"})
    name, args = spec.get("name"), spec.get("args") or {}
    if unknown or not isinstance(name, str) or "." not in name or not isinstance(args, dict):
        raise UserError(f"{what}: {spec} is not {{name: package.module.Name, args: {{...}}}}")
    return build(Component(name=name, args=args), {}, what)
