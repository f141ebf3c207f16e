"""The environment variables by which a launcher tells a process which of how many it is: torchrun's, or none.

Half of them, or another launcher's, would let every process train alone beside the others, so both are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torchferry.errors import UserError

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
FURTHER_NODES = "--rdzv-id=JOB --rdzv-backend=c10d --rdzv-endpoint=FIRST_HOST:29500"
WORDS = "-m torchferry.training ..."


@dataclass(frozen=True)
class Place:
    """As torchrun says it; alone where nobody says anything."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1


def read_place(environ: Mapping[str, str]) -> Place:
    """Raises UserError for variables that cannot be right, and for processes that torchrun did not start."""
    given = [name for name in TORCHRUN if name in environ]
    if not given:
        refuse_others(environ)
        return Place()
    numbers = {name: _number(environ, name) for name in given}
    for name in ("RANK", "WORLD_SIZE"):
        if name not in numbers:
            raise UserError(f"{name}: is not set, but {given[0]} is; torchrun sets both, or unset {given[0]}")
    place = Place(**{name.lower(): number for name, number in numbers.items()})
    for low, high in (("RANK", "WORLD_SIZE"), ("LOCAL_RANK", "LOCAL_WORLD_SIZE")):
        if high in numbers and numbers.get(low, 0) >= numbers[high]:
            raise UserError(f"{low}: is {numbers.get(low, 0)}, but {high} is {numbers[high]}; ranks count from 0")
    if place.local_world_size > place.world_size:
        raise UserError(f"LOCAL_WORLD_SIZE: is {place.local_world_size}, more than WORLD_SIZE, {place.world_size}")
    if place.world_size > 1:
        _check_address(environ, place.world_size)
    return place


def refuse_others(environ: Mapping[str, str]) -> None:
    """Raise UserError in a process that SLURM or MPI started as one of several."""
    if (found := _slurm(environ) or _mpi(environ)) is None:
        return
    variables, tasks, local, launcher = found
    nodes = max(1, tasks // max(1, local))
    each = -(-tasks // nodes)
    if nodes == 1:
        right = f"{launcher[0]}torchrun --standalone --nproc-per-node={each} {WORDS}"
    else:
        right = f"{launcher[1].format(nodes)} torchrun --nnodes={nodes} --nproc-per-node={each} {FURTHER_NODES} {WORDS}"
    raise UserError(
        f"{variables}: this process is one of {tasks}, each of which would train alone; start one torchrun on each "
        f"node, and it starts the ranks: {right}"
    )


def _slurm(environ: Mapping[str, str]) -> tuple[str, int, int, tuple[str, str]] | None:
    # A shell of salloc is no task and has no number. A batch script has one, though it is alone; its step has none.
    if "SLURM_PROCID" not in environ or (environ.get("ENVIRONMENT") == "BATCH" and "SLURM_STEP_ID" not in environ):
        return None
    of_all = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in environ else "SLURM_NTASKS"
    tasks = _count(environ, of_all) or _count(environ, "SLURM_NPROCS") or 1
    if tasks < 2:
        return None
    nodes = _count(environ, "SLURM_STEP_NUM_NODES") or _count(environ, "SLURM_NNODES") or 1
    variables = f"{of_all}={tasks}, SLURM_PROCID={environ['SLURM_PROCID']}"
    return variables, tasks, -(-tasks // nodes), ("srun --ntasks=1 ", "srun --nodes={} --ntasks-per-node=1")


MPI = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_LOCAL_SIZE"),
    ("PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS"),
    ("PMIX_SIZE", "PMIX_RANK", "PMIX_LOCAL_SIZE"),
)
"""How many, which one, and how many on its node, in the words of Open MPI, MVAPICH, MPICH with its kin, and PMIx."""


def _mpi(environ: Mapping[str, str]) -> tuple[str, int, int, tuple[str, str]] | None:
    commands = ("", "mpirun -n {} --map-by ppr:1:node")
    for size, rank, local in MPI:
        if (tasks := _count(environ, size)) is not None and tasks > 1:
            variables = ", ".join(f"{name}={environ[name]}" for name in (size, rank) if name in environ)
            return variables, tasks, _count(environ, local) or tasks, commands
    # PMIx itself tells no size; where nobody else does, only a greater rank shows that there are others.
    which = _count(environ, "PMIX_RANK")
    return (f"PMIX_RANK={which}", which + 1, which + 1, commands) if which else None


def _number(environ: Mapping[str, str], name: str) -> int:
    if (number := _count(environ, name)) is None or (number < 1 and name.endswith("SIZE")):
        wanted = "1 or more" if name.endswith("SIZE") else "0 or more"
        raise UserError(f"{name}: is '{environ[name]}', not {wanted}; torchrun sets it, or unset it to train alone")
    return number


def _count(environ: Mapping[str, str], name: str) -> int | None:
    """None where it is not set or no number."""
    text = environ.get(name, "").strip()
    return int(text) if text.isascii() and text.isdecimal() else None


def _check_address(environ: Mapping[str, str], world_size: int) -> None:
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if not environ.get(name, "").strip():
            raise UserError(f"{name}: is not set, though WORLD_SIZE is {world_size}; torchrun sets it")
    if not 0 < (_count(environ, "MASTER_PORT") or 0) < 65536:
        raise UserError(f"MASTER_PORT: is '{environ['MASTER_PORT']}', not a port from 1 to 65535")
