"""`bitfit train`: make a pack."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import bitfit_toolkit
from bitfit_runtime.tasks import TASK_TYPES
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
    given_flags,
)
from bitfit_toolkit.cli.train_many import ManyOptions, train_together
from bitfit_toolkit.cli.train_options import with_options
from bitfit_toolkit.cli.train_report import print_report
from bitfit_toolkit.data import Columns
from bitfit_toolkit.training.options import TrainOptions

EXAMPLES = (
    "Examples: `bitfit train --base base --train train.csv --output intents.safetensors` · `… --eval eval.csv` · "
    "`… --type token-classification` · `… --terms q,m2 --early-stopping 3` · `… --report report` · "
    "`bitfit train --base base --many tasks.toml` · `… --many tasks.toml --ray local --workers 2` · `… --resume`"
)


@with_options()
def command(
    *,
    base: BaseFolder,
    train: Annotated[Path | None, typer.Option(help=f"Labelled texts: {DATA_HELP}.")] = None,
    evaluation: Annotated[
        Path | None, typer.Option("--eval", help="Labelled texts to measure on; default: a fifth of --train, held out.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Pack file to write.")] = None,
    many: Annotated[
        Path | None,
        typer.Option(help="TOML file of [[task]] tables to train together, in place of --train, --eval and --output."),
    ] = None,
    at_once: Annotated[
        int | None, typer.Option(help="Runs of --many in a pass, at most a group; default: 8 on a GPU, 1 on a CPU.")
    ] = None,
    group_size: Annotated[
        int | None, typer.Option(min=1, help="Packs of --many that appear together; default: 4, or --at-once if more.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Train --many on a cluster of Ray: local, or an address as ray://head:10001.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Groups that --ray trains at a time; default: as many as fit.")
    ] = None,
    gpus: Annotated[float | None, typer.Option(min=0, help="GPUs of each worker of --ray, such as 0.25.")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads for a pack of --many; default: 1 with --ray, else all cores.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the groups of --many, and train nothing.")] = False,
    task: Annotated[str | None, typer.Option(help="Name of the task; default: the output's.")] = None,
    options: TrainOptions,
    text_column: TextColumn = None,
    text_pair_column: TextPairColumn = None,
    label_column: LabelColumn = None,
    text_encoding: TextEncoding = None,
    sentence_column: SentenceColumn = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train the biases and a head for one task, and measure the pack in the engine that ships."""
    check_type(options.task_type)
    options = replace(options, progress=not (quiet or json))
    needed = {"--train": train, "--output": output}
    columns = {"--text-column": text_column, "--text-pair-column": text_pair_column, "--label-column": label_column}
    columns |= {"--text-encoding": text_encoding, "--sentence-column": sentence_column}
    how = ManyOptions(at_once, group_size, threads, ray, workers, gpus, dry_run)
    if many is not None:
        refuse_own({**needed, **columns, "--eval": evaluation, "--task": task})
        train_together(base, many, options, how, json)
        return
    for flag in given_flags(how):
        raise typer.BadParameter("is for --many", param_hint=flag)
    for name, value in needed.items():
        if value is None:
            raise typer.BadParameter("is needed, or --many", param_hint=name)
    assert train and output
    options = replace(options, task=task or output.stem)
    options.check()  # before what takes seconds to import
    names = Columns(text_column, text_pair_column, label_column, text_encoding, sentence_column)
    print_report(bitfit_toolkit.train(base, train, evaluation, output, options, names), json)


def refuse_own(given: Mapping[str, object]) -> None:
    """Refuse flags of one task beside --many as wrong usage."""
    for flag, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"{flag} belongs into the file of --many", param_hint="--many")


def check_type(task_type: str) -> None:
    """Refuse an unknown task type as wrong usage."""
    if task_type not in TASK_TYPES:
        raise typer.BadParameter(f"choose one of {', '.join(TASK_TYPES)}, found {task_type!r}", param_hint="--type")
