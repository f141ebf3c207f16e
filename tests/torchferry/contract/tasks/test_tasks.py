"""Each task goes by its name, or else by its import path."""

from torchferry.contract.tasks import TASKS, name_of
from torchferry.contract.tasks.classes import Classification


class Mine(Classification):
    """Somebody's own."""


def test_a_task_of_ours_has_the_name_of_the_table_and_any_other_its_import_path() -> None:
    assert {name: name_of(kind) for name, kind in TASKS.items()} == {name: name for name in TASKS}
    assert name_of(Mine) == f"{__name__}.Mine"
