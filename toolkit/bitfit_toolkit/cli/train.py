"""`bitfit train`: make a pack."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

import bitfit_toolkit
from bitfit_runtime.contract import TASK_TYPES
from bitfit_toolkit.cli.output import print_json, print_pairs
from bitfit_toolkit.examples import Columns, load_examples
from bitfit_toolkit.options import TrainOptions

EXAMPLES = (
    "Examples: `bitfit train --base base --train train.csv --eval eval.csv --output intents.safetensors` · "
    "`… --type token-classification` · `… --terms q,m2 --early-stopping 3` · `… --label-column category`"
)
DEFAULTS = TrainOptions()


def command(
    base: Annotated[Path, typer.Option(help="Folder of the base bundle.")],
    train: Annotated[Path, typer.Option(help="Labelled texts: CSV, JSONL or Parquet.")],
    evaluation: Annotated[Path, typer.Option("--eval", help="Labelled texts to measure on.")],
    output: Annotated[Path, typer.Option(help="Pack file to write.")],
    task: Annotated[str | None, typer.Option(help="Task name in the pack; default: the output's name.")] = None,
    task_type: Annotated[str, typer.Option("--type", help=f"{', '.join(TASK_TYPES)}.")] = DEFAULTS.task_type,
    terms: Annotated[str, typer.Option(help="all, none, or bias terms of the paper such as q,m2.")] = DEFAULTS.terms,
    epochs: Annotated[float, typer.Option()] = DEFAULTS.epochs,
    learning_rate: Annotated[float, typer.Option()] = DEFAULTS.learning_rate,
    batch_size: Annotated[int, typer.Option()] = DEFAULTS.batch_size,
    max_length: Annotated[int, typer.Option(help="Longest input in tokens.")] = DEFAULTS.max_length,
    seed: Annotated[int, typer.Option()] = DEFAULTS.seed,
    early_stopping: Annotated[int | None, typer.Option(help="Stop after N epochs without a better metric.")] = None,
    checkpoints: Annotated[Path | None, typer.Option(help="Keep a checkpoint an epoch in this folder.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = DEFAULTS.device,
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = DEFAULTS.precision,
    encoding: Annotated[str, typer.Option(help="auto, int4, int8, float16 or float32.")] = DEFAULTS.encoding,
    tolerance: Annotated[
        float, typer.Option(help="What --encoding auto may give up of the metric against float32.")
    ] = DEFAULTS.tolerance,
    simulate_int8: Annotated[
        bool, typer.Option("--simulate-int8", help="Round activations in training as the int8 graph does.")
    ] = False,
    text_column: Annotated[str | None, typer.Option()] = None,
    text_pair_column: Annotated[str | None, typer.Option()] = None,
    label_column: Annotated[str | None, typer.Option()] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Train the biases and a head for one task, and measure the pack in the engine that ships."""
    columns = Columns(text_column, text_pair_column, label_column)
    check_type(task_type)
    examples, held_out = (load_examples(path, columns, task_type=task_type) for path in (train, evaluation))
    options = TrainOptions(
        task=task or output.stem,
        task_type=task_type,
        terms=terms,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        max_length=max_length,
        seed=seed,
        early_stopping=early_stopping,
        checkpoints=checkpoints,
        resume=resume,
        precision=precision,
        device=device,
        encoding=encoding,
        tolerance=tolerance,
        simulate_int8=simulate_int8,
        progress=not (quiet or json),
    )
    report = bitfit_toolkit.train(base, examples, held_out, output, options)
    if json:
        print_json(report.as_dict())
        return
    tried = ", ".join(
        f"{name} {figures[report.metric]:.4f} in {figures['bytes'] / 1000:.1f} kB"
        for name, figures in report.encodings_tried.items()
    )
    trained = f"{report.trained_parameters:,} bias and {report.head_parameters:,} head parameters"
    print_pairs(
        [
            ("pack", f"{report.pack}, {report.pack_bytes / 1000:.1f} kB in {report.encoding}, {report.labels} labels"),
            ("encodings tried", tried),
            ("trained", f"{trained}, {report.seconds:.0f} s"),
            ("in the engine", figures(report.engine)),
            ("in torch", f"{figures(report.torch)} (engine − torch: {report.difference:+.4f} {report.metric})"),
            ("same answer in both", "not counted" if report.agreement is None else f"{report.agreement:.2%}"),
        ]
    )


def check_type(task_type: str) -> None:
    """Refuse an unknown task type as wrong usage."""
    if task_type not in TASK_TYPES:
        raise typer.BadParameter(f"choose one of {', '.join(TASK_TYPES)}, found {task_type!r}", param_hint="--type")


def figures(metrics: Mapping[str, float]) -> str:
    """Return metrics as one line, for people."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in metrics.items())
