"""`bitfit convert`: a pack in another format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bitfit_runtime import Base, read_pack
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_toolkit.cli.options import BaseFolder, PackFile
from bitfit_toolkit.cli.output import print_notes, print_pairs

EXAMPLES = (
    "Example: `bitfit convert --to onnx-adapter --base base --pack intents.safetensors --output intents.onnx_adapter`"
)


class Format(StrEnum):
    """Formats a pack converts to."""

    ONNX_ADAPTER = "onnx-adapter"


def command(
    to: Annotated[Format, typer.Option(help="Target format.")],
    base: BaseFolder,
    pack: PackFile,
    output: Annotated[Path, typer.Option(help="File to write.")],
) -> None:
    """Convert a pack to ONNX Runtime's adapter file, which runs without this package."""
    read = read_pack(pack)
    path = write_onnx_adapter(read, Base.open(base), output)
    if read.info.windows is not None:
        print_notes([f"{pack} declares windows, which an adapter cannot: cut long texts and join outputs yourself"])
    if read.info.decisions is not None:
        print_notes([f"{pack} declares decisions, which an adapter cannot: its program gets raw logits"])
    print_pairs([(to.value, f"{path}, {path.stat().st_size / 1000:.1f} kB")])
