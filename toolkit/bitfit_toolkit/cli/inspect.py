"""`bitfit inspect`: show a base, a pack, or labelled texts."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bitfit_runtime import Base, read_pack
from bitfit_runtime.formats.pack_decisions import decisions_document
from bitfit_runtime.hub_names import HubName
from bitfit_runtime.tasks.classification import CLASSIFICATION
from bitfit_toolkit.cli.options import (
    DATA_HELP,
    Json,
    LabelColumn,
    SentenceColumn,
    TextColumn,
    TextEncoding,
    TextPairColumn,
)
from bitfit_toolkit.cli.output import print_json, print_pairs, print_table
from bitfit_toolkit.data.files import is_data
from bitfit_toolkit.reports.decision_lines import decision_lines

if TYPE_CHECKING:
    from bitfit_toolkit.training.options import TrainOptions

EXAMPLES = (
    "Examples: `bitfit inspect base` · `bitfit inspect intents.safetensors --json` · "
    "`bitfit inspect train.csv --base base`"
)
SHOWN = 50  # labels in the table
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def command(
    path: Annotated[
        Path, typer.Argument(help=f"Folder of a base, pack file, hub name, or labelled texts: {DATA_HELP}.")
    ],
    task_type: Annotated[str, typer.Option("--type", help="Task type as which texts are read.")] = CLASSIFICATION.name,
    base: Annotated[Path | None, typer.Option(help="Base whose tokens to count in texts.")] = None,
    max_length: Annotated[int, typer.Option(min=8, help="Longest input in tokens.")] = 128,
    windows: Annotated[str, typer.Option(help="Count windows of longer texts, as `bitfit train` makes them.")] = "none",
    window_overlap: Annotated[int | None, typer.Option(help="Tokens that neighbouring windows share.")] = None,
    max_windows: Annotated[int, typer.Option(help="Windows of a text; the rest is cut.")] = 32,
    text_column: TextColumn = None,
    text_pair_column: TextPairColumn = None,
    label_column: LabelColumn = None,
    text_encoding: TextEncoding = None,
    sentence_column: SentenceColumn = None,
    json: Json = False,
) -> None:
    """Show what a base or a pack holds, or how labelled texts are read before training."""
    if is_data(path):
        from bitfit_toolkit.training.options import TrainOptions  # bases and packs need none

        columns = (text_column, text_pair_column, label_column, text_encoding, sentence_column)
        options = TrainOptions(
            task_type=task_type,
            max_length=max_length,
            windows=windows,
            window_overlap=window_overlap,
            max_windows=max_windows,
        )
        facts, table = _data(path, columns, base, options, json)
    else:
        if HubName.of_path(path) is not None:
            from bitfit_runtime.hub import local_path  # it needs huggingface_hub

            path = local_path(path)
        facts, table = _base(path) if path.is_dir() else _pack(path)
    if json:
        print_json(facts)
        return
    hidden = ("tensors", "decisions")
    shown = ((key, value) for key, value in facts.items() if key not in hidden and value not in ({}, []))
    decided = decision_lines(facts["decisions"]) if "decisions" in facts else []
    print_pairs([*((key.replace("_", " "), _readable(value)) for key, value in shown), *decided])
    if table[1]:
        print_table(*table)


def _data(
    path: Path, columns: tuple[str | None, ...], base: Path | None, options: "TrainOptions", every: bool
) -> tuple[dict[str, Any], Table]:
    """Return facts and counts of labels, as training with `options` reads them; `every` label is a fact too."""
    from bitfit_toolkit.cli.inspect_data import data_facts
    from bitfit_toolkit.cli.train import check_type
    from bitfit_toolkit.data import Columns

    check_type(options.task_type)
    options.check()
    opened = None if base is None else Base.open(base)
    facts, counts = data_facts(path, Columns(*columns), opened, options)
    rows: list[tuple[str, ...]] = [(label, f"{count:,}") for label, count in counts.most_common()]
    facts |= {"labels": dict(counts.most_common())} if every else {}
    further = [("…", f"{len(rows) - SHOWN:,} more")] if len(rows) > SHOWN else []
    return facts, (("label", "count"), [*rows[:SHOWN], *further])


def _base(path: Path) -> tuple[dict[str, Any], Table]:
    base = Base.open(path)
    base.verify()
    manifest = base.manifest
    parameters, inputs = Counter[str](), Counter[str]()
    for spec in manifest.biases:
        parameters[spec.term] += spec.size
        inputs[spec.term] += 1
    facts: dict[str, Any] = {
        "kind": "base",
        "name": manifest.name,
        "digest": manifest.digest,
        "tokenizer": manifest.tokenizer_digest,
        "architecture": manifest.architecture,
        "precision": manifest.precision,
        "activations": manifest.activations,
        "pooling": manifest.pooling,
        "max_length": manifest.max_length,
        "hidden_size": manifest.hidden_size,
        "parameters": manifest.parameters,
        "bias_parameters": manifest.bias_parameters,
        "bias_share": manifest.bias_parameters / manifest.parameters,
        "bytes": {name: (path / name).stat().st_size for name in manifest.files},
        "terms": dict(parameters),
        "created_by": manifest.created_by,
    }
    return facts, (("term", "inputs", "parameters"), [(t, str(inputs[t]), f"{n:,}") for t, n in parameters.items()])


def _pack(path: Path) -> tuple[dict[str, Any], Table]:
    pack = read_pack(path)
    facts: dict[str, Any] = {"kind": "pack"} | _known(asdict(pack.info)) | {"bytes": path.stat().st_size}
    if pack.info.decisions is not None:
        facts["decisions"] = decisions_document(pack.info.decisions)
    if pack.canary is not None:
        facts["canary"] = [text if pair is None else f"{text} | {pair}" for text, pair in pack.canary.texts]
    facts["tensors"] = {name: {"dtype": str(t.dtype), "bytes": t.nbytes} for name, t in pack.tensors.items()}
    rows: list[tuple[str, ...]] = [
        (name, str(tensor.dtype), f"{tensor.nbytes:,}") for name, tensor in pack.tensors.items()
    ]
    return facts, (("tensor", "stored as", "bytes"), rows)


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _readable(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4%}" if value < 1 else f"{value:.4f}"
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_figure(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _figure(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
