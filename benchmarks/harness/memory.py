"""Memory of this process and of the machine, as Linux counts it. Imports little: measured processes use it."""

import ctypes
from pathlib import Path

STATUS, MEMINFO = Path("/proc/self/status"), Path("/proc/meminfo")


def resident_kib() -> int:
    """Return the KiB of memory that this process holds now."""
    return _kib(STATUS, "VmRSS")


def peak_kib() -> int:
    """Return the most KiB that this process ever held. `getrusage` would count the parent's too."""
    return _kib(STATUS, "VmHWM")


def forget_peak() -> None:
    """Let `peak_kib` count from what this process holds now."""
    Path("/proc/self/clear_refs").write_text("5")


def available_bytes() -> float:
    """Return the bytes that can be taken without swapping, infinite where the system does not say."""
    return 1024.0 * _kib(MEMINFO, "MemAvailable") if MEMINFO.exists() else float("inf")


def give_back_free_memory() -> None:
    """Make glibc return its free pages to the system, which `resident_kib` then does not count."""
    ctypes.CDLL(None).malloc_trim(0)


def _kib(path: Path, field: str) -> int:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise SystemExit(f"{path} has no field {field}; memory is measured on Linux alone")
