"""A launcher's variables are understood whole, or refused in one line that names it."""

import pytest

from tests.commands import RECIPES, run_command
from torchferry.errors import UserError
from torchferry.training.distributed.launch_variables import Place, read_place, refuse_others

TWO = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "first", "MASTER_PORT": "29500"}
SRUN = {"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_STEP_ID": "0", "SLURM_NNODES": "1"}


def test_nobody_says_anything() -> None:
    assert read_place({}) == read_place({"MASTER_ADDR": "left over"}) == Place()


def test_torchrun_says_everything_and_others_say_no_local_number() -> None:
    assert read_place(TWO | {"LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}) == Place(1, 2, 1, 2)
    assert read_place(TWO) == Place(1, 2, 0, 1)
    assert read_place({"RANK": "0", "WORLD_SIZE": "1"}) == Place()


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"WORLD_SIZE": ""}, "WORLD_SIZE: is '', not 1 or more; torchrun sets it, or unset it to train alone"),
        ({"WORLD_SIZE": "0", "RANK": "0"}, "WORLD_SIZE: is '0', not 1 or more"),
        ({"RANK": "0"}, "WORLD_SIZE: is not set, but RANK is; torchrun sets both, or unset RANK"),
        ({"WORLD_SIZE": "2"}, "RANK: is not set, but WORLD_SIZE is"),
        ({"LOCAL_RANK": "0"}, "RANK: is not set, but LOCAL_RANK is"),
        (TWO | {"LOCAL_RANK": "one"}, "LOCAL_RANK: is 'one', not 0 or more"),
        (TWO | {"RANK": "-1"}, "RANK: is '-1', not 0 or more"),
        (TWO | {"RANK": "2"}, "RANK: is 2, but WORLD_SIZE is 2; ranks count from 0"),
        (TWO | {"LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "2"}, "LOCAL_RANK: is 2, but LOCAL_WORLD_SIZE is 2"),
        (TWO | {"LOCAL_WORLD_SIZE": "3"}, "LOCAL_WORLD_SIZE: is 3, more than WORLD_SIZE, 2"),
        ({name: TWO[name] for name in ("RANK", "WORLD_SIZE")}, "MASTER_ADDR: is not set, though WORLD_SIZE is 2"),
        (TWO | {"MASTER_PORT": " "}, "MASTER_PORT: is not set, though WORLD_SIZE is 2"),
        (TWO | {"MASTER_PORT": "http"}, "MASTER_PORT: is 'http', not a port from 1 to 65535"),
    ],
)
def test_half_of_them_is_refused_by_name(environ: dict[str, str], words: str) -> None:
    with pytest.raises(UserError) as refused:
        read_place(environ)
    assert str(refused.value).startswith(words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "named", "right"),
    [
        (SRUN, "SLURM_NTASKS=2, SLURM_PROCID=1", "srun --ntasks=1 torchrun --standalone --nproc-per-node=2 "),
        (
            SRUN | {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2"},
            "SLURM_STEP_NUM_TASKS=8, SLURM_PROCID=1",
            "srun --nodes=2 --ntasks-per-node=1 torchrun --nnodes=2 --nproc-per-node=4 --rdzv-id=JOB ",
        ),
        (
            {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_LOCAL_SIZE": "1"},
            "OMPI_COMM_WORLD_SIZE=2, OMPI_COMM_WORLD_RANK=0",
            "mpirun -n 2 --map-by ppr:1:node torchrun --nnodes=2 --nproc-per-node=1 --rdzv-id=JOB ",
        ),
        (
            {"PMI_SIZE": "3", "PMI_RANK": "2"},
            "PMI_SIZE=3, PMI_RANK=2",
            "ranks: torchrun --standalone --nproc-per-node=3 ",
        ),
        ({"MV2_COMM_WORLD_SIZE": "2", "MV2_COMM_WORLD_RANK": "1"}, "MV2_COMM_WORLD_SIZE=2", "--nproc-per-node=2 "),
        ({"PMIX_RANK": "1"}, "PMIX_RANK=1", "ranks: torchrun --standalone "),
    ],
)
def test_another_launchers_processes_are_told_the_right_command(
    environ: dict[str, str], named: str, right: str
) -> None:
    for refuse in (read_place, refuse_others):
        with pytest.raises(UserError) as refused:
            refuse(environ)
        assert str(refused.value).startswith(named)
        assert right in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "environ",
    [
        SRUN | {"SLURM_NTASKS": "1"},
        SRUN | {"SLURM_STEP_NUM_TASKS": "1"},
        {"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"},  # a shell of salloc
        {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "ENVIRONMENT": "BATCH"},  # a batch script itself
        {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"},
        {"PMIX_RANK": "0"},
    ],
)
def test_one_process_alone_is_fine_wherever_it_runs(environ: dict[str, str]) -> None:
    assert read_place(environ) == Place()


def test_what_torchrun_starts_below_srun_is_fine() -> None:
    assert read_place(TWO | SRUN) == Place(1, 2, 0, 1)


@pytest.mark.parametrize("environ", [SRUN, {"RANK": "0", "LOCAL_RANK": "x"}])
def test_the_command_says_it_in_one_line_and_writes_nothing(
    environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    runs = tmp_path_factory.mktemp("runs")
    done = run_command(
        "-m", "torchferry.training", "--config", RECIPES / "linear-regression.yaml", "--runs_dir", runs, **environ
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert not list(runs.iterdir())
