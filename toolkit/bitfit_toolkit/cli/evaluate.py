"""`bitfit eval`: measure a pack."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bitfit_toolkit.cli.options import (
    DATA_HELP,
    BaseFolder,
    Json,
    LabelColumn,
    PackFile,
    SentenceColumn,
    TextColumn,
    TextEncoding,
    TextPairColumn,
    Threads,
)
from bitfit_toolkit.cli.output import print_json, print_notes, print_pairs
from bitfit_toolkit.cli.packs import engine_with
from bitfit_toolkit.cli.review import print_review
from bitfit_toolkit.data import Columns, read_examples
from bitfit_toolkit.training.evaluation import measure

EXAMPLES = "Example: `bitfit eval --base base --pack intents.safetensors --data eval.csv --json`"


def command(
    base: BaseFolder,
    pack: PackFile,
    data: Annotated[Path, typer.Option(help=f"Labelled texts: {DATA_HELP}.")],
    text_column: TextColumn = None,
    text_pair_column: TextPairColumn = None,
    label_column: LabelColumn = None,
    text_encoding: TextEncoding = None,
    sentence_column: SentenceColumn = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Measure a pack on labelled texts, in the engine that ships."""
    engine = engine_with(base, [f"task={pack}"], threads)
    columns = Columns(text_column, text_pair_column, label_column, text_encoding, sentence_column)
    reading = read_examples(data, columns, task_type=engine.tasks["task"].task_type)
    print_notes(reading.notes)
    examples = reading.examples
    metrics, review = measure(engine, "task", examples)
    name = engine.tasks["task"].task
    if json:
        print_json({"task": name, "examples": len(examples), "metrics": metrics, "review": asdict(review)})
    else:
        print_pairs([("task", name), ("examples", str(len(examples))), *((k, f"{v:.4f}") for k, v in metrics.items())])
        print_review(review)
