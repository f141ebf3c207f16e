"""podman with a store of its own, so that one command removes all that the tests made of images and containers.

Images are built on a base made here, because a registry cannot be reached from everywhere.
"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE = "localhost/torchferry-test-base:bookworm"
REVISION = "0123456789abcdef0123456789abcdef01234567"
NEEDED = {"podman": "podman", "runc": "runc", "mmdebstrap": "mmdebstrap", "iptables": "iptables"}
# Certificates of this machine: its index may be one that only they vouch for.
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""
# As docker does it: no folders of its own over a read-only root, and a /tmp from which nothing can be executed.
LOCKED = (
    *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:noexec"),
    *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
)


def missing() -> str:
    """Why no image can be built here, or nothing."""
    if os.geteuid() != 0:
        return "images are built as root"
    names = [package for command, package in NEEDED.items() if shutil.which(command) is None]
    return f"{', '.join(names)} is missing; Debian has it" if names else ""


class Engine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = folder / "containers.conf"
        settings.write_text(SETTINGS)
        self.environment = os.environ | {"CONTAINERS_CONF": str(settings), "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        places = {"root": "root", "runroot": "run", "tmpdir": "tmp", "network-config-dir": "net"}
        self.places = [f"--{option}={folder / name}" for option, name in places.items()]
        self.built: dict[str, str] = {}

    def podman(self, *arguments: object, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Whatever it ends with."""
        command = ["podman", *self.places, *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=seconds, cwd=ROOT)

    def ask(self, *arguments: object, seconds: float = 120) -> str:
        """What it prints; it has to succeed."""
        done = self.podman(*arguments, seconds=seconds)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout.strip()

    def make_base(self) -> None:
        """What a Dockerfile asks of its base: Debian, python3, its venv module."""
        archive = self.folder / "base.tar"
        include = "--include=ca-certificates,python3,python3-venv"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", include, "bookworm", str(archive)]
        subprocess.run(command, check=True, timeout=600)
        path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.ask("import", "--quiet", "--change", path, archive, BASE)
        archive.unlink()

    def image(self, name: str) -> str:
        """The image of docker/`name`.Dockerfile, built when it is asked for first."""
        if name not in self.built:
            tag = f"localhost/torchferry-{name}:tested"
            trust = ("--volume", f"{TRUSTED}:{TRUSTED}:ro") if TRUSTED.exists() else ()
            # docker's format has health checks.
            how = ("--network", "host", "--format", "docker", *trust)
            given = ("--build-arg", f"BASE={BASE}", "--build-arg", f"REVISION={REVISION}")
            self.ask("build", *how, *given, "--file", f"docker/{name}.Dockerfile", "--tag", tag, ".", seconds=1200)
            self.built[name] = tag
        return self.built[name]

    def size(self, image: str) -> int:
        """Bytes on disk, its base included."""
        return int(self.ask("image", "inspect", "--format", "{{.Size}}", image))

    def run(
        self, image: str, *arguments: object, entrypoint: str | None = None, options: tuple[object, ...] = ()
    ) -> str:
        """What a locked container prints, which has to succeed."""
        instead = ("--entrypoint", entrypoint) if entrypoint else ()
        return self.ask("run", "--rm", *LOCKED, *options, *instead, image, *arguments, seconds=300)

    def remove_everything(self) -> None:
        self.ask("system", "reset", "--force", seconds=600)
        shutil.rmtree(self.folder, ignore_errors=True)


class Container:
    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name

    @property
    def log(self) -> str:
        done = self.engine.podman("logs", self.name)
        return done.stdout + done.stderr

    @property
    def healthy(self) -> bool:
        """What its health check says now; without systemd podman never asks by itself."""
        return self.engine.podman("healthcheck", "run", self.name).returncode == 0

    @property
    def runs(self) -> bool:
        return self.engine.ask("inspect", "--format", "{{.State.Running}}", self.name) == "true"

    def url(self, port: int) -> str:
        return f"http://{self.engine.ask('port', self.name, port)}"

    def execute(self, *arguments: object) -> str:
        return self.engine.ask("exec", self.name, *arguments)

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.engine.ask("stop", "--time", 60, self.name)
        return int(self.engine.ask("inspect", "--format", "{{.State.ExitCode}}", self.name))


@contextmanager
def running(engine: Engine, image: str, *arguments: object, options: tuple[object, ...] = ()) -> Iterator[Container]:
    """A locked container in the background, gone afterwards."""
    name = f"tested-{uuid.uuid4().hex[:8]}"
    engine.ask("run", "--detach", "--name", name, *LOCKED, *options, image, *arguments)
    try:
        yield Container(engine, name)
    finally:
        engine.ask("rm", "--force", "--time", 5, "--ignore", name)
