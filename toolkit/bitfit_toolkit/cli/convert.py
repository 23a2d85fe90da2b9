"""`bitfit convert`: a pack in another format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bitfit_runtime import Base, Pack, read_pack
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_toolkit.cli.options import BaseFolder, PackFile
from bitfit_toolkit.cli.output import print_json, print_notes, print_pairs

EXAMPLES = (
    "Examples: `bitfit convert --to onnx --base base --pack intents.safetensors --output intents` · "
    "`bitfit convert --to onnx-adapter --base base --pack intents.safetensors --output intents.onnx_adapter`"
)


class Format(StrEnum):
    """Formats a pack converts to."""

    ONNX = "onnx"
    ONNX_ADAPTER = "onnx-adapter"


def command(
    to: Annotated[
        Format,
        typer.Option(
            help="onnx: pack and base as one model, in the hub's layout; onnx-adapter: a file beside the base"
        ),
    ],
    base: BaseFolder,
    pack: PackFile,
    output: Annotated[Path, typer.Option(help="File to write; of onnx, the folder.")],
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert a pack to a plain ONNX model or an adapter file, to run without us."""
    write = _model if to is Format.ONNX else _adapter
    found = write(Base.open(base), read_pack(pack), pack, output)
    print_notes(found["notes"])
    if json:
        print_json({"format": to.value, **found})
    else:
        print_pairs([(to.value, f"{found['path']}, {found['bytes'] / 1000:,.1f} kB")])


def _model(base: Base, read: Pack, pack: Path, output: Path) -> dict[str, Any]:
    from bitfit_exporters import write_plain_model

    written = write_plain_model(base, read, output)
    path = str(Path(written.folder, written.model))
    return {"path": path, "bytes": written.bytes, "notes": [f"{pack}: {note}" for note in written.notes]}


def _adapter(base: Base, read: Pack, pack: Path, output: Path) -> dict[str, Any]:
    path = write_onnx_adapter(read, base, output)
    notes = []
    if read.info.windows is not None:
        notes.append(f"{pack} declares windows, which an adapter cannot: cut long texts and join outputs yourself")
    if read.info.decisions is not None:
        notes.append(f"{pack} declares decisions, which an adapter cannot: its program gets raw logits")
    return {"path": str(path), "bytes": path.stat().st_size, "notes": notes}
