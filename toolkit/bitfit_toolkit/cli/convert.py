"""`bitfit convert`: a pack in another format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bitfit_runtime import Base, read_pack
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_toolkit.cli.output import print_pairs

EXAMPLES = (
    "Example: `bitfit convert --to onnx-adapter --base base --pack intents.safetensors --output intents.onnx_adapter`"
)


class Format(StrEnum):
    """Formats a pack converts to."""

    ONNX_ADAPTER = "onnx-adapter"


def command(
    to: Annotated[Format, typer.Option(help="Target format.")],
    base: Annotated[Path, typer.Option(help="Folder of the base bundle that the pack was made for.")],
    pack: Annotated[Path, typer.Option(help="Pack file.")],
    output: Annotated[Path, typer.Option(help="File to write.")],
) -> None:
    """Convert a pack to ONNX Runtime's adapter file, which needs no code of ours to run."""
    path = write_onnx_adapter(read_pack(pack), Base.open(base), output)
    print_pairs([(to.value, f"{path}, {path.stat().st_size / 1000:.1f} kB")])
