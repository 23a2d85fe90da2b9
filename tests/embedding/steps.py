"""What `make test-embed` runs, step by step."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from embedding.tools import CARGO, CHROMIUM, CLANG, CORE, JAVA, NODE, Tool

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / ".embed"
PLAIN: Final = ROOT / "tests" / "embedding" / "plain"
# onnxruntime-node would fetch CUDA when it is installed, and fail without a network.
NPM: Final = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error")
ENVIRONMENT: Final[Mapping[str, str]] = {"ONNXRUNTIME_NODE_INSTALL": "skip", "PYTHON": sys.executable}
Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Commands that are run one after the other in `folder`, with the tools that they need.

    Where the `folder` is not there, or a tool is missing, the step is skipped; in CI that fails unless it `may_skip`.
    """

    name: str
    commands: tuple[Command, ...]
    tools: tuple[Tool, ...] = ()
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    may_skip: bool = False
    script: str | None = None  # of package.json, without which the step is skipped
    elsewhere: str | None = None  # what does it instead


def steps() -> tuple[Step, ...]:
    """Return them all."""
    arm = Step("runtime on ARM", (), may_skip=True, elsewhere="an emulator takes minutes: make arm")
    return (*_python(), *_javascript(), *_native(), *_plain(), arm)


def _python() -> tuple[Step, ...]:
    tests = ("tests/runtime/test_vectors.py", "tests/exporters/test_plain_models.py")
    return (Step("vectors and plain models in Python", ((sys.executable, "-m", "pytest", "-n", "2", *tests),)),)


def _javascript() -> tuple[Step, ...]:
    package, page = ROOT / "runtime" / "js", ROOT / "examples" / "web"
    return (
        Step("JavaScript: packages", (NPM,), (NODE,), package, ENVIRONMENT),
        Step("JavaScript: types, units, tarball, Node, wasm", (("npm", "test"),), (NODE,), package),
        Step("JavaScript: size", (("npm", "run", "size"),), (NODE,), package, script="size"),
        Step("page in Chromium", (NPM, ("npm", "test")), (NODE, CHROMIUM), page, ENVIRONMENT),
    )


def _native() -> tuple[Step, ...]:
    source = ROOT / "runtime" / "native"

    def build(name: str, *options: str) -> tuple[Command, ...]:
        folder = str(WORK / name)
        return (
            ("cmake", "-S", str(source), "-B", folder, f"-DBITFIT_ORT_LIBRARY={_onnxruntime()}", *options),
            ("cmake", "--build", folder, "--parallel", "2"),
            ("ctest", "--test-dir", folder, "--output-on-failure", "--parallel", "2"),
        )

    clang = {"CC": "clang", "CXX": "clang++"}
    return (
        Step("C, Java and Rust", build("native"), (*CORE, JAVA, CARGO), source),
        Step(
            "C under ASan and UBSan",
            build("native-asan", "-DBITFIT_SANITIZE=ON", "-DCMAKE_BUILD_TYPE=Debug"),
            CORE,
            source,
        ),
        Step("C, fuzzed", build("native-fuzz", "-DBITFIT_FUZZ=ON"), (*CORE, CLANG), source, clang),
    )


def _plain() -> tuple[Step, ...]:
    models = WORK / "plain"
    commands = (
        (sys.executable, "-m", "embedding.plain.prepare", str(models)),
        NPM,
        ("node", "--test", "pipelines.test.js"),
    )
    return (Step("plain models in transformers.js", commands, (NODE,), PLAIN, {**ENVIRONMENT, "FOLDER": str(models)}),)


def _onnxruntime() -> Path:
    """Return ONNX Runtime's library in the wheel that Python runs."""
    import onnxruntime

    return next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
