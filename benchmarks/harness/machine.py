"""The machine: the processor, the cores and the versions that a figure belongs to."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

FLAGS = ("avx2", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")  # what int8 products depend on
PACKAGES = ("onnxruntime", "torch", "transformers", "numpy")


def facts() -> dict[str, Any]:
    """Return what belongs beside every figure: processor, cores and versions."""
    return {"processor": processor(), "cores": cores(), "versions": versions()}


def processor() -> str:
    """Return the processor's name, family, model and the instructions that it has for int8 products."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    pairs = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {key.strip(): value.strip() for key, value in pairs.items()}
    flags = fields.get("flags", fields.get("Features", "")).split()
    name = fields.get("model name", platform.processor() or platform.machine())
    family = f"family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"
    return f"{name} ({family}; {', '.join(flag for flag in FLAGS if flag in flags) or platform.machine()})"


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a figure depends on."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}
