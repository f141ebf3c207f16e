"""The manifests in k8s/, beside the package in a checkout, or where a wheel puts them."""

import sysconfig
from pathlib import Path

from torchferry.errors import UserError

PLACES = (
    Path(__file__).resolve().parents[2] / "k8s",
    Path(sysconfig.get_path("data")) / "share" / "torchferry" / "k8s",
)


def read(*parts: str, places: tuple[Path, ...] = PLACES) -> dict[str, str]:
    """Every file below these folders of k8s/, by its path there. Raises UserError if there are no manifests."""
    for place in places:
        if all((place / part / "kustomization.yaml").is_file() for part in parts):
            files = [path for part in parts for path in sorted((place / part).rglob("*")) if path.is_file()]
            return {path.relative_to(place).as_posix(): path.read_text() for path in files}
    looked = " nor in ".join(str(place) for place in places)
    raise UserError(f"the manifests {', '.join(parts)} are neither in {looked}; run it in a checkout of torchferry")
