"""Makes one CycloneDX document of what an image holds: python sbom.py PYTHON.cdx.json DPKG_STATUS > IMAGE.cdx.json

cyclonedx-py knows the Python environment, dpkg's status file knows Debian's packages.
"""

import json
import platform
import sys
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote

Component = dict[str, str]


def debian_packages(status: str) -> Iterator[Component]:
    """Those that are installed, from /var/lib/dpkg/status."""
    for paragraph in filter(str.strip, status.split("\n\n")):
        package = HeaderParser().parsestr(paragraph)
        if package["Status"] == "install ok installed":
            name, version = package["Package"], package["Version"]
            purl = f"pkg:deb/debian/{name}@{quote(version, safe=':')}?arch={package['Architecture']}"
            yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def interpreter() -> Component:
    """No dpkg knows the Python of the official images, which they compile."""
    version = platform.python_version()
    return {"type": "platform", "bom-ref": f"python@{version}", "name": "python", "version": version}


def main(python_document: Path, status: Path) -> None:
    document = json.loads(python_document.read_text())
    document["components"] += [interpreter(), *debian_packages(status.read_text())]
    json.dump(document, sys.stdout, indent=1)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
