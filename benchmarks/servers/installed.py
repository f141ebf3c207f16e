"""A peer that is installed into an environment of its own."""

from torchferry.benchmarks.servers.disk import folder_bytes
from torchferry.benchmarks.servers.environment import environment
from torchferry.benchmarks.servers.peer import Job


class Installed:
    pins: str
    """<pins>.txt has what is in it."""

    def __init__(self, job: Job) -> None:
        """Make the environment, unless it is there. Raises Unavailable."""
        self.job, self.environment = job, environment(self.pins)

    def disk_bytes(self) -> int:
        return folder_bytes(self.environment)
