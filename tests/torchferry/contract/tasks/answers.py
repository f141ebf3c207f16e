"""An answer and its schema, held against each other."""

import json
import math
from typing import Any

import jsonschema
import numpy as np

from torchferry.contract.tasks.ranking import as_object
from torchferry.contract.tasks.task import Task


def words(task: Task, numbers: Any, top_k: int = 5) -> dict[str, Any]:
    """Of a sample with these numbers in the task's one output, which the schema takes as a server's JSON has them."""
    said = task.words({task.outputs[0]: np.asarray(numbers, np.float32)}, top_k)
    check(task, said)
    return said


def check(task: Task, said: dict[str, Any]) -> None:
    schema = as_object(task.schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(as_json(said), schema)


def as_json(value: Any) -> Any:
    """Null for what JSON does not have."""
    if isinstance(value, dict):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [*map(as_json, value)]
    return None if isinstance(value, float) and not math.isfinite(value) else json.loads(json.dumps(value))
