"""Options that several sub-commands share."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BaseFolder: TypeAlias = Annotated[Path, typer.Option("--base", help="Folder of the base, or its hub name.")]
PackFile: TypeAlias = Annotated[Path, typer.Option("--pack", help="Pack file, or its hub name.")]
Threads: TypeAlias = Annotated[int | None, typer.Option(help="Threads inside one operator.")]
TextColumn: TypeAlias = Annotated[str | None, typer.Option(help="Column of the texts; default: the usual names.")]
TextPairColumn: TypeAlias = Annotated[str | None, typer.Option(help="Column of the second texts of pairs.")]
LabelColumn: TypeAlias = Annotated[str | None, typer.Option(help="Column of the labels.")]
SentenceColumn: TypeAlias = Annotated[
    str | None, typer.Option(help="Column that numbers sentences, of entities with a word a row.")
]
TextEncoding: TypeAlias = Annotated[
    str | None, typer.Option(help="Encoding of files that are not UTF-8, such as cp1252.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def given_flags(options: "DataclassInstance") -> list[str]:
    """Return the flags of the fields that say something: neither None nor False."""
    return [f"--{name.replace('_', '-')}" for name, value in asdict(options).items() if value not in (None, False)]


DATA_HELP = "CSV, TSV, JSON, Parquet or CoNLL"
