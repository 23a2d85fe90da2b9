"""The ARM root: Debian's Python and the runtime's wheels for aarch64, unpacked under `.arm/` and run by QEMU."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from typing import Final

from harness.options import BENCHMARKS
from harness.options import ROOT as PROJECT

ARM: Final = PROJECT / ".arm"
ROOT, SITE, READY = ARM / "root", ARM / "site", ARM / "ready"
TOOLS: Final = ("qemu-aarch64-static", "qemu-x86_64-static", "debootstrap", "dpkg-deb")
PACKAGES: Final = ("onnxruntime", "numpy", "tokenizers", "safetensors")
PLATFORMS: Final = (
    "manylinux_2_28_aarch64",
    "manylinux_2_27_aarch64",
    "manylinux_2_17_aarch64",
    "manylinux2014_aarch64",
)
# ONNX Runtime reads the processor's features here and dies without them; QEMU looks under the root first.
CPUINFO: Final = """processor\t: 0
BogoMIPS\t: 100.00
Features\t: fp asimd{features}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: {part}
CPU revision\t: 0

"""
NEWER: Final = " aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
PROCESSORS: Final = {
    "cortex-a72": CPUINFO.format(features=" aes pmull sha1 sha2 crc32 cpuid", part="0xd08"),
    "cortex-a76": CPUINFO.format(features=NEWER, part="0xd0b"),
}


def build_root() -> None:
    """Build `.arm/` where it is not there yet: a minute, and 600 MB. Debian's debootstrap wants to be root."""
    if READY.is_file() and READY.read_text() == versions():
        return
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        sys.exit(f"{missing[0]} was not found; apt-get install qemu-user-static debootstrap")
    shutil.rmtree(ARM, ignore_errors=True)
    ARM.mkdir()
    command = "debootstrap --foreign --arch=arm64 --variant=minbase --include=python3,libstdc++6 bookworm"
    subprocess.run([*command.split(), str(ROOT)], check=True, stdout=subprocess.DEVNULL)
    for package in sorted((ROOT / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(ROOT)], check=True)
    _unpack_wheels()
    READY.write_text(versions())


def versions() -> str:
    """Return what the wheels are: the versions that this environment has."""
    return "\n".join(f"{name}=={version(name)}" for name in PACKAGES)


def command_on(processor: str, arguments: list[str]) -> list[str]:
    """Return the command that runs Python under QEMU: the root's on one of `PROCESSORS`, else this one on old x86."""
    paths = [PROJECT / "runtime", BENCHMARKS]
    emulator, interpreter = ["qemu-x86_64-static", "-cpu", processor], sys.executable
    if processor in PROCESSORS:
        paths.insert(0, SITE)
        emulator = _emulator(processor)
        interpreter = str(ROOT / "usr/bin/python3")
    variables = {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    if processor not in PROCESSORS:  # numpy's OpenBLAS takes Haswell's kernels under QEMU on some machines, and dies
        variables["OPENBLAS_CORETYPE"] = processor
    for name, value in variables.items():
        emulator += ["-E", f"{name}={value}"]
    return [*emulator, interpreter, *arguments]


def program_on(processor: str, command: list[str]) -> list[str]:
    """Return the command that runs a program for ARM under QEMU, on one of `PROCESSORS`."""
    return [*_emulator(processor), *command]


def _emulator(processor: str) -> list[str]:
    (ROOT / "proc/cpuinfo").write_text(PROCESSORS[processor])
    return ["qemu-aarch64-static", "-cpu", processor, "-L", str(ROOT)]


def _unpack_wheels() -> None:
    wheels = ARM / "wheels"
    platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--dest", str(wheels)]
    command = [sys.executable, "-m", "pip", "download", *options, *platforms, *versions().split()]
    subprocess.run(command, check=True)
    for wheel in wheels.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(SITE)
