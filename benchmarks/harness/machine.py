"""The processor and the versions that a figure belongs to."""

import importlib.metadata
import os
import platform
from pathlib import Path

COUNTED = ("avx2", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
PACKAGES = ("onnxruntime", "torch", "transformers", "numpy")


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    pairs = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in pairs.items()}
    flags = facts.get("flags", facts.get("Features", "")).split()
    name = facts.get("model name", platform.processor() or platform.machine())
    family = f"family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}"
    return f"{name} ({family}; {', '.join(flag for flag in COUNTED if flag in flags) or platform.machine()})"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def available_memory() -> float:
    """Bytes that can be taken without swapping, infinite where the system does not say."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    return float(found[0]) if found else float("inf")
