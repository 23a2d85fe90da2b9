"""`bitfit convert`: a pack in another format, and what others trained as a pack."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bitfit_runtime import Base, Pack, read_pack
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_toolkit.cli.failures import with_flags
from bitfit_toolkit.cli.options import BaseFolder
from bitfit_toolkit.cli.output import print_json, print_notes, print_pairs

if TYPE_CHECKING:
    from bitfit_toolkit.convert import Converted
    from bitfit_toolkit.convert.packing import Naming

EXAMPLES = (
    "Examples: `bitfit convert --to onnx --base base --pack intents.safetensors --output intents` · "
    "`bitfit convert --to onnx-adapter --base base --pack intents.safetensors --output intents.onnx_adapter` · "
    "`bitfit convert --from peft --base base --adapter adapter --labels no,yes --output mood.safetensors`"
)


class Format(StrEnum):
    """Formats a pack converts to."""

    ONNX = "onnx"
    ONNX_ADAPTER = "onnx-adapter"
    PEFT = "peft"


class Origin(StrEnum):
    """What becomes a pack."""

    PEFT = "peft"
    SETFIT = "setfit"
    SKLEARN = "sklearn"


def command(
    base: BaseFolder,
    output: Annotated[Path, typer.Option(help="File to write; of onnx and peft, the folder.")],
    to: Annotated[
        Format | None,
        typer.Option(
            help="onnx: pack and base as one model, in the hub's layout; onnx-adapter: a file beside the base; "
            "peft: an adapter of biases"
        ),
    ] = None,
    origin: Annotated[
        Origin | None,
        typer.Option("--from", help="peft: an adapter, or a checkpoint with trained biases; setfit; sklearn."),
    ] = None,
    pack: Annotated[Path | None, typer.Option("--pack", help="Pack file, with --to.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Folder of PEFT or SetFit, or an estimator's file.")] = None,
    source: Annotated[str | None, typer.Option(help="Model of a PEFT adapter: a folder or a name.")] = None,
    task: Annotated[str, typer.Option(help="Name of the task.")] = "task",
    task_type: Annotated[
        str | None, typer.Option("--type", help="Task type, where the files do not tell it, such as multi-label.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Labels in order, such as no,yes.")] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the pack; float32 is exact.")] = "float32",
    max_length: Annotated[int | None, typer.Option(help="Tokens at which texts are cut.", min=3)] = None,
    normalized: Annotated[
        Path | None, typer.Option(help="File of texts, where the head was fitted on vectors of length 1.")
    ] = None,
    trust_pickle: Annotated[bool, typer.Option(help="Read a pickle, which runs code of whoever made it.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert a pack to run without us, or what others trained to a pack."""
    if (to is None) == (origin is None) or (to is None) != (pack is None) or (origin is None) != (adapter is None):
        raise typer.BadParameter("give --to with --pack, or --from with --adapter")
    name = str(to or origin)
    if to is not None and pack is not None:
        write = {Format.ONNX: _model, Format.ONNX_ADAPTER: _adapter, Format.PEFT: _peft}[to]
        found = write(Base.open(base), read_pack(pack), pack, output)
    else:
        from bitfit_toolkit.convert.packing import Naming

        naming = Naming(task, None if labels is None else tuple(labels.split(",")), task_type, max_length, encoding)
        converted = _convert(origin, adapter, Base.open(base), naming, source, normalized, trust_pickle)
        path, name = converted.write(output), "pack"
        found = {
            "path": str(path),
            "bytes": path.stat().st_size,
            "notes": [with_flags(note, {"task_type": "--type"}) for note in converted.notes],
        }
    print_notes(found["notes"])
    if json:
        print_json({"format": name, **found})
    else:
        print_pairs([(name, f"{found['path']}, {found['bytes'] / 1000:,.1f} kB")])


def _convert(
    origin: Origin | None,
    adapter: Path | None,
    base: Base,
    naming: "Naming",
    source: str | None,
    normalized: Path | None,
    trust_pickle: bool,
) -> "Converted":
    """Return the pack of what `adapter` holds."""
    from bitfit_toolkit.convert import from_peft, from_setfit, from_sklearn
    from bitfit_toolkit.convert.estimators import read_estimator

    assert adapter is not None
    if origin is Origin.PEFT:
        return from_peft(adapter, base, naming, source)
    texts = None if normalized is None else _texts(normalized)
    if origin is Origin.SETFIT:
        return from_setfit(adapter, base, naming, texts, trust_pickle)
    return from_sklearn(read_estimator(adapter, trust_pickle), base, naming, texts)


def _texts(path: Path) -> list[str]:
    from bitfit_toolkit.data import load_examples

    return [example.text for example in load_examples(path, need_label=False)]


def _peft(base: Base, read: Pack, pack: Path, output: Path) -> dict[str, Any]:
    from bitfit_toolkit.convert import to_peft

    written = to_peft(read, base, output)
    return {"path": written.folder, "bytes": written.bytes, "notes": [f"{pack}: {note}" for note in written.notes]}


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
