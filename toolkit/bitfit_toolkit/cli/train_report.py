"""What `bitfit train` shows of its runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import bitfit_toolkit
from bitfit_toolkit.cli.output import bar, print_json, print_pairs, print_table
from bitfit_toolkit.training.options import TrainOptions

if TYPE_CHECKING:  # it needs torch
    from bitfit_toolkit.training.train import TrainReport


def print_report(report: "TrainReport", json: bool) -> None:
    """Print the report of one run, once however many processes trained it."""
    from bitfit_toolkit.training.distributed import is_first_process, part

    part()
    if not is_first_process():
        return
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
            ("in the engine", _figures(report.engine)),
            ("in torch", f"{_figures(report.torch)} (engine − torch: {report.difference:+.4f} {report.metric})"),
            ("same answer in both", "not counted" if report.agreement is None else f"{report.agreement:.2%}"),
        ]
    )


def train_plan(base: Path, plan: Path, options: TrainOptions, at_once: int, json: bool) -> None:
    """Train what a plan assigns, and print a line of JSON for each pack as it is written, or a table of them all.

    What was trained before an error is in the table too.
    """
    assignments = bitfit_toolkit.read_run_configs(plan, options)
    lines = []
    try:
        with bar(not options.progress) as progress:
            for report in bitfit_toolkit.train_shared(base, assignments, at_once, progress):
                lines.append(_line(report))
                if json:
                    print_json(report.as_dict())
    finally:
        if lines and not json:
            print_table(("task", "metric", "engine", "torch", "learning rate", "seed", "encoding", "kB", "pack"), lines)


def _line(report: "TrainReport") -> tuple[str, ...]:
    measured = (f"{report.engine[report.metric]:.4f}", f"{report.torch[report.metric]:.4f}")
    size = f"{report.pack_bytes / 1000:.1f}"
    rate = (f"{report.learning_rate:g}", str(report.seed))
    return (report.task, report.metric, *measured, *rate, report.encoding, size, report.pack)


def _figures(metrics: Mapping[str, float]) -> str:
    """Return metrics as one line, for people."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in metrics.items())
