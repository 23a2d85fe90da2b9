"""`bitfit train`: make a pack."""

from pathlib import Path
from typing import Annotated

import typer

import bitfit_toolkit
from bitfit_runtime.formats.pack_encoding import ENCODINGS
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.cli.train_report import print_report, train_plan
from bitfit_toolkit.data import Columns, load_examples
from bitfit_toolkit.training.options import TrainOptions

EXAMPLES = (
    "Examples: `bitfit train --base base --train train.csv --eval eval.csv --output intents.safetensors` · "
    "`… --type token-classification` · `… --terms q,m2 --early-stopping 3` · `… --label-column category` · "
    "`bitfit train --base base --many tasks.toml`"
)
DEFAULTS = TrainOptions()
Names = Annotated[str | None, typer.Option()]


def command(
    base: Annotated[Path, typer.Option(help="Folder of the base bundle.")],
    train: Annotated[Path | None, typer.Option(help="Labelled texts: CSV, TSV, JSONL or Parquet.")] = None,
    evaluation: Annotated[Path | None, typer.Option("--eval", help="Labelled texts to measure on.")] = None,
    output: Annotated[Path | None, typer.Option(help="Pack file to write.")] = None,
    many: Annotated[
        Path | None,
        typer.Option(help="TOML file of [[task]] tables to train together, in place of --train, --eval and --output."),
    ] = None,
    at_once: Annotated[int, typer.Option(help="Runs of --many that share each pass.")] = 8,
    task: Annotated[str | None, typer.Option(help="Task name in the pack; default: the output's name.")] = None,
    task_type: Annotated[str, typer.Option("--type", help=f"{', '.join(TASK_TYPES)}.")] = DEFAULTS.task_type,
    terms: Annotated[str, typer.Option(help="all, none, or bias terms of the paper such as q,m2.")] = DEFAULTS.terms,
    class_weights: Annotated[
        str, typer.Option(help="none, or balanced: rare classes count as much as frequent ones.")
    ] = DEFAULTS.class_weights,
    epochs: Annotated[float, typer.Option()] = DEFAULTS.epochs,
    steps: Annotated[int | None, typer.Option(help="Steps in place of epochs.")] = None,
    early_stopping: Annotated[int | None, typer.Option(help="Stop after N epochs without a better metric.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="What decides: accuracy, f1_macro, matthews …; default: the type's own.")
    ] = None,
    learning_rate: Annotated[float, typer.Option()] = DEFAULTS.learning_rate,
    batch_size: Annotated[
        int, typer.Option(help="Examples of a pass; on several GPUs: on each.")
    ] = DEFAULTS.batch_size,
    accumulation: Annotated[int, typer.Option(help="Passes of a step.")] = DEFAULTS.accumulation,
    max_length: Annotated[int, typer.Option(help="Longest input in tokens.")] = DEFAULTS.max_length,
    seed: Annotated[int, typer.Option()] = DEFAULTS.seed,
    dropout: Annotated[bool, typer.Option("--dropout", help="Drop units in training, as the checkpoint says.")] = False,
    simulate_int8: Annotated[
        bool, typer.Option("--simulate-int8", help="Round activations in training as the int8 graph does.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = DEFAULTS.device,
    precision: Annotated[str, typer.Option(help="fp32, bf16 or, on a GPU, fp16.")] = DEFAULTS.precision,
    checkpoints: Annotated[Path | None, typer.Option(help="Keep a checkpoint an epoch in this folder.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    tensorboard: Annotated[Path | None, typer.Option(help="Write curves for TensorBoard into this folder.")] = None,
    encoding: Annotated[str, typer.Option(help=f"auto, {', '.join(ENCODINGS)}.")] = DEFAULTS.encoding,
    tolerance: Annotated[
        float, typer.Option(help="What --encoding auto may give up of the metric against float32.")
    ] = DEFAULTS.tolerance,
    text_column: Names = None,
    text_pair_column: Names = None,
    label_column: Names = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Train the biases and a head for one task, and measure the pack in the engine that ships."""
    check_type(task_type)
    options = TrainOptions(
        task=task or (output.stem if output else DEFAULTS.task),
        task_type=task_type,
        terms=terms,
        class_weights=class_weights,
        epochs=epochs,
        steps=steps,
        early_stopping=early_stopping,
        metric=metric,
        learning_rate=learning_rate,
        batch_size=batch_size,
        accumulation=accumulation,
        max_length=max_length,
        seed=seed,
        dropout=dropout,
        simulate_int8=simulate_int8,
        precision=precision,
        device=device,
        checkpoints=checkpoints,
        resume=resume,
        tensorboard=tensorboard,
        encoding=encoding,
        tolerance=tolerance,
        progress=not (quiet or json),
    )
    single = {"--train": train, "--eval": evaluation, "--output": output}
    columns = {"--text-column": text_column, "--text-pair-column": text_pair_column, "--label-column": label_column}
    if many is not None:
        given = [name for name, value in {**single, **columns, "--task": task}.items() if value is not None]
        if given:
            raise typer.BadParameter(f"{given[0]} belongs into the file of --many", param_hint="--many")
        train_plan(base, many, options, at_once, json)
        return
    for name, value in single.items():
        if value is None:
            raise typer.BadParameter("is needed, or --many", param_hint=name)
    assert train and evaluation and output
    names = Columns(text_column, text_pair_column, label_column)
    examples, held_out = (load_examples(path, names, task_type=task_type) for path in (train, evaluation))
    report = bitfit_toolkit.train(base, examples, held_out, output, options)
    print_report(report, json)


def check_type(task_type: str) -> None:
    """Refuse an unknown task type as wrong usage."""
    if task_type not in TASK_TYPES:
        raise typer.BadParameter(f"choose one of {', '.join(TASK_TYPES)}, found {task_type!r}", param_hint="--type")
