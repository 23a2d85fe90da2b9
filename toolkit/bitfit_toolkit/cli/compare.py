"""`bitfit compare`: which method is enough for a user's own data."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bitfit_runtime import Base
from bitfit_toolkit.cli.options import (
    DATA_HELP,
    BaseFolder,
    Json,
    LabelColumn,
    Quiet,
    SentenceColumn,
    TextColumn,
    TextEncoding,
    TextPairColumn,
)
from bitfit_toolkit.cli.output import print_json, print_notes, say
from bitfit_toolkit.cli.train import check_type
from bitfit_toolkit.cli.train_options import with_options
from bitfit_toolkit.compare import Cell, CellFile, Plan, budget_table, markdown, summarize, write_tables
from bitfit_toolkit.data import Columns, read_examples
from bitfit_toolkit.training.options import TrainOptions

EXAMPLES = (
    "Examples: `bitfit compare --base base --train train.csv --eval eval.csv --output compared` · "
    "`… --method bitfit --method full --examples 100,300,all` · `… --method bitfit --method q,m2 --seeds 5`"
)
DEFAULTS = Plan()


@with_options(chosen=lambda spec: spec.compared)
def command(
    *,
    base: BaseFolder,
    train: Annotated[Path, typer.Option(help=f"Labelled texts: {DATA_HELP}.")],
    evaluation: Annotated[Path, typer.Option("--eval", help="Labelled texts to measure on.")],
    output: Annotated[Path, typer.Option(help="Folder for cells, tables and plots; goes on where it stopped.")],
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="full, bitfit, random, head, lora, or terms such as q,m2; repeatable; default: all of these. "
            "bitfit@3 and q,m2@auto learn from a layer on.",
        ),
    ] = None,
    sizes: Annotated[
        str, typer.Option("--examples", help="Numbers of training examples, such as 100,300,all.")
    ] = "all",
    seeds: Annotated[int, typer.Option(help="Runs a method, at its best learning rate.")] = DEFAULTS.seeds,
    steps: Annotated[int, typer.Option(help="At least so many steps a run.")] = DEFAULTS.steps,
    budgets: Annotated[
        list[str] | None,
        typer.Option(
            "--budget",
            help="steps: equal steps; time: equal time, in which biases take 5/3 of the steps; best: each method at "
            "its own best number, up to 2,000; repeatable; default: steps.",
        ),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Float32 base of the same model, for methods that leave no pack.")
    ] = None,
    options: TrainOptions = DEFAULTS.options,
    text_column: TextColumn = None,
    text_pair_column: TextPairColumn = None,
    label_column: LabelColumn = None,
    text_encoding: TextEncoding = None,
    sentence_column: SentenceColumn = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare BitFit with full fine-tuning, LoRA and others on your data: same head, same rows, tuned rates."""
    check_type(options.task_type)
    options.check()  # before what takes seconds to import
    from bitfit_toolkit.compare import Comparison

    chosen = tuple(methods or DEFAULTS.methods), _sizes(sizes), seeds, steps, tuple(budgets or DEFAULTS.budgets)
    plan = Plan(*chosen, options)
    columns = Columns(text_column, text_pair_column, label_column, text_encoding, sentence_column)
    read = [read_examples(path, columns, task_type=options.task_type) for path in (train, evaluation)]
    print_notes(note for reading in read for note in reading.notes)
    rows, held_out = (reading.examples for reading in read)
    cells = CellFile(output / "cells.jsonl")
    opened = None if reference is None else Base.open(reference)

    comparison = Comparison(Base.open(base), rows, held_out, plan, cells, opened)
    comparison.run(_ignore if json or quiet else _tell)
    own = comparison.own_cells
    if len(own) < len(cells.cells):
        print_notes([f"{cells.path} holds {len(cells.cells) - len(own):,} cells of other data, options or tasks too"])
    _show(own, plan, output, json)


def _show(own: list[Cell], plan: Plan, output: Path, json: bool) -> None:
    """Write the tables and plots of a comparison's cells, and print the tables."""
    from bitfit_toolkit.compare.plots import draw

    table = summarize(own)
    write_tables(table, output)
    equal = [row for row in table if row.steps == plan.steps_for(row.examples)]
    draw(table if plan.budgets == DEFAULTS.budgets else equal or table, output)
    if json:
        print_json({"rows": [asdict(row) for row in table]})
        return
    tables = [markdown(table), *([] if plan.budgets == DEFAULTS.budgets else [budget_table(own, plan)])]
    for line in "\n".join(tables).split("\n"):
        say(line)


def _tell(cell: Cell) -> None:
    """Say what a run came to."""
    rate = f"rate {'auto × ' if cell.measured else ''}{cell.learning_rate:g}"
    run = f"{cell.method} · {cell.examples} rows · {cell.steps} steps · seed {cell.seed} · {rate}"
    say(f"{run}: held out {cell.held_out:.4f}, eval {cell.shipped:.4f}, {cell.seconds:.0f} s", err=True)


def _ignore(cell: Cell) -> None:
    del cell


def _sizes(examples: str) -> tuple[int, ...]:
    """Return numbers of examples, 0 for all. Raises BadParameter."""
    try:
        return tuple(0 if size.strip() == "all" else int(size) for size in examples.split(","))
    except ValueError:
        raise typer.BadParameter(f"give numbers or all, found {examples!r}", param_hint="--examples") from None
