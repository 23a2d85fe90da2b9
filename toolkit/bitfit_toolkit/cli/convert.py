"""`bitfit convert`: a pack in another format, and what others trained as a pack."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from bitfit_runtime import Base, Pack, read_pack
from bitfit_runtime.onnx_adapter import write_onnx_adapter
from bitfit_toolkit.cli.failures import with_flags
from bitfit_toolkit.cli.options import BaseFolder, given_flags
from bitfit_toolkit.cli.output import print_json, print_notes, print_pairs

if TYPE_CHECKING:
    from bitfit_toolkit.convert import Converted
    from bitfit_toolkit.convert.packing import Naming

Writer: TypeAlias = Callable[[Base, Pack, Path, Path], dict[str, Any]]  # of base, pack, its file and the output
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


@dataclass(frozen=True, slots=True)
class Flags:
    """What not every conversion makes use of; None is what each option's help says."""

    task: str | None
    type: str | None
    labels: str | None
    encoding: str | None
    max_length: int | None
    source: str | None
    normalized: Path | None
    trust_pickle: bool


_OF_A_PACK: Final = ("--task", "--type", "--labels", "--encoding", "--max-length")
USED: Final = {
    "--to onnx": (),
    "--to onnx-adapter": (),
    "--to peft": ("--source",),
    "--from peft": (*_OF_A_PACK, "--source"),
    "--from setfit": (*_OF_A_PACK, "--normalized", "--trust-pickle"),
    "--from sklearn": (*_OF_A_PACK, "--normalized", "--trust-pickle"),
}


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
    task: Annotated[str | None, typer.Option(help="Name of the task; default: task.")] = None,
    task_type: Annotated[
        str | None, typer.Option("--type", help="Task type, where the files do not tell it, such as multi-label.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Labels in order, such as no,yes.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of the pack; default: float32, which is exact.")
    ] = None,
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
    flags = Flags(task, task_type, labels, encoding, max_length, source, normalized, trust_pickle)
    _refuse_idle(flags, f"--{'from' if to is None else 'to'} {name}")
    if to is not None and pack is not None:
        peft: Writer = partial(_peft, source=source)
        write = {Format.ONNX: _model, Format.ONNX_ADAPTER: _adapter, Format.PEFT: peft}[to]
        found = write(Base.open(base), read_pack(pack), pack, output)
    else:
        converted = _convert(origin, adapter, Base.open(base), flags)
        path, name = converted.write(output), "pack"
        notes = [with_flags(note, {"task_type": "--type"}) for note in converted.notes]
        found = {"path": str(path), "bytes": path.stat().st_size, "notes": notes}
    print_notes(found["notes"])
    if json:
        print_json({"format": name, **found})
    else:
        print_pairs([(name, f"{found['path']}, {found['bytes'] / 1000:,.1f} kB")])


def _refuse_idle(flags: Flags, conversion: str) -> None:
    """Raise BadParameter on a flag that a conversion, such as `--to onnx`, makes no use of."""
    for flag in given_flags(flags):
        if flag not in USED[conversion]:
            raise typer.BadParameter(f"does nothing with {conversion}; leave it out", param_hint=flag)


def _naming(flags: Flags) -> "Naming":
    from bitfit_toolkit.convert.packing import Naming

    labels = None if flags.labels is None else tuple(label.strip() for label in flags.labels.split(","))
    given: dict[str, Any] = {"task": flags.task, "labels": labels, "task_type": flags.type}
    given |= {"max_length": flags.max_length, "encoding": flags.encoding}
    return Naming(**{name: value for name, value in given.items() if value is not None})


def _convert(origin: Origin | None, adapter: Path | None, base: Base, flags: Flags) -> "Converted":
    """Return the pack of what `adapter` holds."""
    from bitfit_toolkit.convert import from_peft, from_setfit, from_sklearn
    from bitfit_toolkit.convert.estimators import read_estimator

    assert adapter is not None
    naming = _naming(flags)
    if origin is Origin.PEFT:
        return from_peft(adapter, base, naming, flags.source)
    texts = None if flags.normalized is None else _texts(flags.normalized)
    if origin is Origin.SETFIT:
        return from_setfit(adapter, base, naming, texts, flags.trust_pickle)
    return from_sklearn(read_estimator(adapter, flags.trust_pickle), base, naming, texts)


def _texts(path: Path) -> list[str]:
    from bitfit_toolkit.data import load_examples

    return [example.text for example in load_examples(path, need_label=False)]


def _peft(base: Base, read: Pack, pack: Path, output: Path, source: str | None) -> dict[str, Any]:
    from bitfit_toolkit.convert import to_peft

    written = to_peft(read, base, output, source)
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
