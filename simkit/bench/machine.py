"""The machine that was measured, without anything that names it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["LIBRARIES", "Machine", "machine"]

LIBRARIES = ("simkit", "simpy", "numpy", "numba", "ciw", "salabim")


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on. ``libraries`` maps names to versions; memory is 0 where not known."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    architecture: str
    python: str
    libraries: dict[str, str]

    def __str__(self) -> str:
        memory = f", {self.memory_bytes / 2**30:.0f} GiB" if self.memory_bytes else ""
        libraries = ", ".join(f"{name} {found}" for name, found in self.libraries.items())
        return (
            f"{self.processor}, {self.cores} cores{memory}, {self.system} {self.architecture}; "
            f"{self.python}, {libraries}"
        )


def machine() -> Machine:
    """This machine."""
    return Machine(
        processor=processor(),
        cores=os.cpu_count() or 0,
        memory_bytes=_memory_bytes(),
        system=platform.system(),
        architecture=platform.machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        libraries={name: found for name in LIBRARIES if (found := _version(name))},
    )


def processor() -> str:
    """The processor as it calls itself."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not every system tells
        return 0


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
