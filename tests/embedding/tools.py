"""Tools of other languages: whether they are here, and which Debian package has them."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INCLUDES: Final = (Path("/usr/include"), Path("/usr/local/include"))


@dataclass(frozen=True, slots=True)
class Tool:
    """A command, or a header, and the Debian `package` that has it; None where Debian's is too old."""

    name: str
    package: str | None
    header: str | None = None

    @property
    def found(self) -> bool:
        """Whether it is here."""
        if self.header is None:
            return shutil.which(self.name) is not None
        return any((folder / self.header).is_file() for folder in INCLUDES) or any(
            (folder / "x86_64-linux-gnu" / self.header).is_file() for folder in INCLUDES
        )

    @property
    def remedy(self) -> str:
        """What to do where it is missing."""
        return f"apt-get install {self.package}" if self.package else "install Node 20.16 or later"


NODE: Final = Tool("node", None)
CHROMIUM: Final = Tool("chromium", "chromium")
CMAKE: Final = Tool("cmake", "cmake")
GCC: Final = Tool("g++", "g++")
CLANG: Final = Tool("clang++", "clang")
JSON: Final = Tool("nlohmann-json", "nlohmann-json3-dev", "nlohmann/json.hpp")
ZLIB: Final = Tool("zlib", "zlib1g-dev", "zlib.h")
OPENSSL: Final = Tool("openssl", "libssl-dev", "openssl/evp.h")
JAVA: Final = Tool("javac", "openjdk-17-jdk-headless")
CARGO: Final = Tool("cargo", "cargo")
CORE: Final = (CMAKE, GCC, JSON, ZLIB, OPENSSL)


def install(missing: list[Tool]) -> None:
    """Install what is missing, where that is permitted."""
    packages = sorted({tool.package for tool in missing if tool.package is not None})
    permitted = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None
    if packages and permitted:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-q"], check=False, **quiet)  # type: ignore[call-overload]
        command = ["apt-get", "install", "-qy", "--no-install-recommends", *packages]
        subprocess.run(command, check=False, **quiet)  # type: ignore[call-overload]
