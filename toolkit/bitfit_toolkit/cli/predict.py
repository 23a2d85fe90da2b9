"""`bitfit predict`: answer texts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bitfit_runtime import Answer, Row
from bitfit_runtime.inputs import as_rows_per_task
from bitfit_toolkit.cli.options import (
    DATA_HELP,
    BaseFolder,
    Json,
    TextColumn,
    TextEncoding,
    TextPairColumn,
    Threads,
    given_flags,
)
from bitfit_toolkit.cli.output import print_json, print_table
from bitfit_toolkit.cli.packs import engine_with
from bitfit_toolkit.cli.predict_bulk import BulkFlags, answer_files
from bitfit_toolkit.data import Columns, load_examples

EXAMPLES = (
    "Examples: `bitfit predict --base base --pack mood=mood.safetensors --text 'What a day'` · "
    "`bitfit predict --base base --pack mood=mood.safetensors --pack spam=spam.safetensors --input rows.jsonl` · "
    "`… --tasks mood,spam --json` · "
    "`bitfit predict --base base --packs packs --task-column tenant --input 'data/*.parquet' --output scored`"
)
SHOWN = 72  # characters of a text in the table


def command(
    base: BaseFolder,
    pack: Annotated[list[str] | None, typer.Option(help="NAME=FILE; may be given several times.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="A text; may be given several times.")] = None,
    text_pair: Annotated[
        list[str] | None, typer.Option(help="The second text of a pair, once for each --text.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--input", help=f"{DATA_HELP}; a `task` column picks each row's pack. With --packs a pattern."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Task of rows that name none; default: every installed task.")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Several tasks of rows that name none, such as mood,spam.")] = None,
    text_column: TextColumn = None,
    text_pair_column: TextPairColumn = None,
    text_encoding: TextEncoding = None,
    threads: Threads = None,
    top: Annotated[int, typer.Option(min=1, help="How many labels to show for each text.")] = 1,
    json: Json = False,
    packs: Annotated[
        str | None, typer.Option(help="Folder of packs TASK.safetensors, for files of rows into --output.")
    ] = None,
    task_column: Annotated[
        str | None, typer.Option(help="With --packs: column that names each row's task; or give --tasks.")
    ] = None,
    output: Annotated[str | None, typer.Option(help="With --packs: folder of the answers, a file for each.")] = None,
    memory_limit: Annotated[int | None, typer.Option(min=1, help="With --packs: megabytes of a worker.")] = None,
    ray: Annotated[str | None, typer.Option(help="With --packs: `local`, or the address of a cluster of Ray.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="With --ray: most workers; default: all that fit.")] = None,
) -> None:
    """Answer texts with one task, several, or every installed one, in mixed batches."""
    flags = BulkFlags(packs, output, task_column, memory_limit, ray, workers)
    reading = {"text_column": text_column, "text_pair_column": text_pair_column, "text_encoding": text_encoding}
    if packs is not None:
        alone = {"--pack": pack, "--text": text, "--text-pair": text_pair, "--task": task, "--top": top > 1}
        _refuse(alone, "does not go with --packs, which answers files")
        answer_files(base, flags, source, tasks, reading | {"threads": 1 if threads is None else threads}, json)
        return
    _refuse(dict.fromkeys(given_flags(flags), True), "belongs to --packs")
    if not pack:
        raise typer.BadParameter("is needed, or --packs", param_hint="--pack")
    if bool(text) == bool(source):
        raise typer.BadParameter("give either --text or --input", param_hint="--text / --input")
    if source is None:
        of_files = {f"--{name.replace('_', '-')}": value for name, value in reading.items()}
        _refuse(of_files, "belongs to --input; --text gives texts themselves")
    else:
        _refuse({"--text-pair": text_pair}, "belongs to --text; --text-pair-column names the column of --input")
    if task is not None and tasks is not None:
        raise typer.BadParameter("give either --task or --tasks", param_hint="--task / --tasks")
    engine = engine_with(base, pack, threads)
    columns = Columns(text_column, text_pair_column, text_encoding=text_encoding)
    given = _typed(text or [], text_pair) if source is None else _read(Path(source), columns)
    names = [task] if task else [name.strip() for name in tasks.split(",")] if tasks else list(engine.tasks)
    rows = [row for item in given for row in ([item] if item.task else next(as_rows_per_task([item], names)))]
    _show(rows, engine.predict(rows), top, json)


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Raise BadParameter on the first flag that says something."""
    for flag in (flag for flag, value in given.items() if value):
        raise typer.BadParameter(why, param_hint=flag)


def _typed(texts: Sequence[str], pairs: Sequence[str] | None) -> Iterator[Row]:
    if pairs and len(pairs) != len(texts):
        raise typer.BadParameter(
            f"give one for each --text, found {len(pairs)} for {len(texts)}", param_hint="--text-pair"
        )
    for index, text in enumerate(texts):
        yield Row(text, text_pair=pairs[index] if pairs else None)


def _read(source: Path, columns: Columns) -> Iterator[Row]:
    for example in load_examples(source, columns, need_label=False):
        task = example.task if example.task and example.task.strip() else None  # an empty cell names none
        yield Row(example.text, task, example.text_pair)


def _show(rows: Sequence[Row], answers: Sequence[Answer], top: int, json: bool) -> None:
    if json:
        for row, answer in zip(rows, answers, strict=True):
            print_json(_document(row, answer, top))
    else:
        lines = [(a.task, a.summary(top), _shortened(row.text)) for row, a in zip(rows, answers, strict=True)]
        print_table(("task", "answer", "text"), lines)


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _document(row: Row, answer: Answer, top: int) -> dict[str, Any]:
    document: dict[str, Any] = {"task": answer.task, "text": row.text}
    if row.text_pair is not None:
        document["text_pair"] = row.text_pair
    return document | answer.as_dict(top) | {"truncated": answer.truncated}
