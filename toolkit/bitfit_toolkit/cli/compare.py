"""`bitfit compare`: which method is enough for a user's own data."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bitfit_runtime import Base
from bitfit_toolkit.cli.output import print_json
from bitfit_toolkit.cli.train import check_type
from bitfit_toolkit.data import Columns, load_examples
from bitfit_toolkit.training.options import TrainOptions

EXAMPLES = (
    "Examples: `bitfit compare --base base --train train.csv --eval eval.csv --output compared` · "
    "`… --method bitfit --method full --examples 100,300,all` · `… --method bitfit --method q,m2 --seeds 5`"
)


def command(
    base: Annotated[Path, typer.Option(help="Folder of the base bundle.")],
    train: Annotated[Path, typer.Option(help="Labelled texts: CSV, TSV, JSONL or Parquet.")],
    evaluation: Annotated[Path, typer.Option("--eval", help="Labelled texts to measure on.")],
    output: Annotated[Path, typer.Option(help="Folder for cells, tables and plots; goes on where it stopped.")],
    task: Annotated[str, typer.Option(help="Name in the table.")] = "task",
    task_type: Annotated[str, typer.Option("--type", help="As in bitfit train.")] = TrainOptions().task_type,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="full, bitfit, random, head, lora, or terms such as q,m2; repeatable; default: all of these."
        ),
    ] = None,
    examples: Annotated[str, typer.Option(help="Numbers of training examples, such as 100,300,all.")] = "all",
    seeds: Annotated[int, typer.Option(help="Runs a method, at its best learning rate.")] = 3,
    epochs: Annotated[float, typer.Option()] = 4,
    steps: Annotated[int, typer.Option(help="At least so many steps a run.")] = 250,
    batch_size: Annotated[int, typer.Option()] = TrainOptions().batch_size,
    max_length: Annotated[int, typer.Option(help="Longest input in tokens.")] = TrainOptions().max_length,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = TrainOptions().device,
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = TrainOptions().precision,
    reference: Annotated[
        Path | None, typer.Option(help="Float32 base of the same model, for methods that leave no pack.")
    ] = None,
    text_column: Annotated[str | None, typer.Option()] = None,
    text_pair_column: Annotated[str | None, typer.Option()] = None,
    label_column: Annotated[str | None, typer.Option()] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Compare BitFit with full fine-tuning, LoRA and others on your data: same head, same rows, tuned rates."""
    from bitfit_toolkit.compare import (
        DEFAULT_METHODS,
        Cell,
        CellFile,
        Comparison,
        Plan,
        markdown,
        summarize,
        write_tables,
    )
    from bitfit_toolkit.compare.plots import draw

    check_type(task_type)
    try:
        sizes = tuple(0 if size.strip() == "all" else int(size) for size in examples.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"give numbers or all, found {examples!r}", param_hint="--examples") from error
    columns = Columns(text_column, text_pair_column, label_column)
    options = TrainOptions(
        task=task,
        task_type=task_type,
        epochs=epochs,
        batch_size=batch_size,
        max_length=max_length,
        device=device,
        precision=precision,
    )
    rows, held_out = (load_examples(path, columns, task_type=task_type) for path in (train, evaluation))
    cells = CellFile(output / "cells.jsonl")
    plan = Plan(tuple(method or DEFAULT_METHODS), sizes, seeds, steps, options=options)
    opened = None if reference is None else Base.open(reference)

    def notify(cell: Cell) -> None:
        if not (json or quiet):
            run = f"{cell.method} · {cell.examples} rows · seed {cell.seed} · rate {cell.learning_rate:g}"
            typer.echo(f"{run}: held out {cell.held_out:.4f}, eval {cell.shipped:.4f}, {cell.seconds:.0f} s", err=True)

    Comparison(Base.open(base), rows, held_out, plan, cells, opened).run(notify)
    table = summarize([cell for cell in cells.cells if cell.task == task])
    write_tables(table, output)
    draw(table, output)
    if json:
        print_json({"rows": [asdict(row) for row in table]})
    else:
        typer.echo(markdown(table))
