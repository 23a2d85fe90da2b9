"""`bitfit run`: answer texts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bitfit_runtime import Row
from bitfit_runtime.tasks import Answer
from bitfit_toolkit.cli.output import print_json, print_table
from bitfit_toolkit.cli.packs import engine_with
from bitfit_toolkit.data import load_examples

EXAMPLES = (
    "Examples: `bitfit run --base base --pack mood=mood.safetensors --text 'What a day'` · "
    "`bitfit run --base base --pack mood=mood.safetensors --pack spam=spam.safetensors --input rows.jsonl --json`"
)


def command(
    base: Annotated[Path, typer.Option(help="Folder of the base bundle.")],
    pack: Annotated[list[str], typer.Option(help="NAME=FILE; may be given several times.")],
    text: Annotated[list[str] | None, typer.Option(help="A text; may be given several times.")] = None,
    source: Annotated[
        Path | None, typer.Option("--input", help="CSV, TSV, JSONL or Parquet; a `task` column picks each row's pack.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Task of rows that name none; default: every installed task.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads inside one operator.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many labels to show for each text.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a row.")] = False,
) -> None:
    """Answer texts with one task each, or with every installed task, in mixed batches."""
    if bool(text) == bool(source):
        raise typer.BadParameter("give either --text or --input", param_hint="--text / --input")
    engine = engine_with(base, pack, threads)
    tasks = [task] if task else list(engine.tasks)
    rows: list[Row] = []
    if source is not None:
        for example in load_examples(source, need_label=False):
            rows += [Row(example.text, name, example.text_pair) for name in ([example.task] if example.task else tasks)]
    for item in text or ():
        rows += [Row(item, name) for name in tasks]
    answers = engine.predict(rows)
    if json:
        for row, answer in zip(rows, answers, strict=True):
            print_json(_document(row, answer, top))
        return
    lines = []
    for row, answer in zip(rows, answers, strict=True):
        shown = row.text if len(row.text) <= 72 else row.text[:71] + "…"
        lines.append((answer.task, answer.summary(top), shown))
    print_table(("task", "answer", "text"), lines)


def _document(row: Row, answer: Answer, top: int) -> dict[str, Any]:
    document: dict[str, Any] = {"task": answer.task, "text": row.text}
    if row.text_pair is not None:
        document["text_pair"] = row.text_pair
    return document | answer.as_dict(top) | {"truncated": answer.truncated}
