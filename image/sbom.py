"""Prints what an image is made of, as CycloneDX 1.5: Debian's packages, Python, and its distributions.

Runs inside the image, with its Python and nothing else: `sbom.py /opt/reverser`. The same content gives the
same bytes: everything is sorted, there is no time in it, and the serial number is made from the content.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import uuid
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
PROGRAM = "reverser"


def main(folder: Path) -> None:
    """Print the document of the environment in this folder, and of the system around it."""
    found = [python_component(each) for path in site_packages(folder) for each in distributions(path=[path])]
    program = [each for each in found if each["name"] == PROGRAM]
    libraries = [each for each in found if each["name"] != PROGRAM]
    parts = [interpreter(), *libraries, *debian_components()]
    print(json.dumps(document(program[0], parts), indent=1, sort_keys=True))


def document(program: Component, parts: list[Component]) -> dict[str, Any]:
    """The whole, in the order of the package URLs."""
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": program | {"type": "application"}},
        "components": sorted(parts, key=lambda each: str(each["bom-ref"])),
    }
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    return content | {"serialNumber": f"urn:uuid:{serial}"}


def site_packages(folder: Path) -> list[str]:
    """Where an environment has its distributions."""
    return [str(path) for path in sorted(folder.glob("lib/python3.*/site-packages"))]


def python_component(distribution: Distribution) -> Component:
    """A distribution, with the licence that its metadata states."""
    name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
    made = component(name, distribution.version, f"pkg:pypi/{name}@{quote(distribution.version)}")
    expression = distribution.metadata.get("License-Expression")
    return made | ({"licenses": [{"expression": expression}]} if expression else {})


def interpreter() -> Component:
    """Python itself, which is no package in an image that has compiled its own."""
    version = platform.python_version()
    return component("cpython", version, f"pkg:generic/cpython@{version}")


def debian_components() -> list[Component]:
    """Every installed package."""
    fields = "${Package}\t${Version}\t${Architecture}\n"
    done = subprocess.run(["dpkg-query", "-W", "-f", fields], check=True, capture_output=True, text=True)
    return [debian_component(*line.split("\t")) for line in done.stdout.splitlines()]


def debian_component(name: str, version: str, architecture: str) -> Component:
    """A package of Debian."""
    return component(name, version, f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}")


def component(name: str, version: str, package_url: str) -> Component:
    """A library by its name, version and package URL."""
    return {"type": "library", "name": name, "version": version, "purl": package_url, "bom-ref": package_url}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
