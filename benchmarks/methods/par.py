"""BitFit beside full fine-tuning, task by task and seed by seed, of cells that other suites wrote.

    python -m methods.par [--output FOLDER] [--recipe FILE] [--seeds N]

Of the `cells.jsonl` of FOLDER: in equal time; and each in the number of steps that rows held out like best in the mean
of the seeds, the default recipe's own among BitFit's. A method has the rate that was best with seed 0. Only what has
every seed is compared. Writes `par.md`, and plots of every method in equal time.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Final

from bitfit_runtime.files import write_output
from bitfit_toolkit.compare import CellFile, summarize
from bitfit_toolkit.compare.cells import Cell
from bitfit_toolkit.compare.methods import method
from bitfit_toolkit.compare.plots import draw
from bitfit_toolkit.compare.table import Row
from harness.datasets import DATASETS
from harness.options import make_parser, results_of
from methods.jobs import Amount
from recipe.run import Cell as RecipeCell

CELLS: Final = "cells.jsonl"
MADE: Final = ("foreign", "entailment")  # by grammars: not in the mean of the tasks that others made
NEAR_CHANCE: Final = "cola"


@dataclass(frozen=True, slots=True)
class Side:
    """A method on a task: steps and metrics in points, seed after seed; `steps` differ where runs choose them.

    `collapsed` says that a run gave one answer for all.
    """

    task: str
    metric: str
    steps: tuple[int, ...]
    held_out: float
    shipped: tuple[float, ...]
    collapsed: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{value:.1f}" for value in self.shipped)

    @property
    def how_long(self) -> str:
        """Steps, once where all seeds take as many, and the mean on the rows held out."""
        steps = self.steps[:1] if len(set(self.steps)) == 1 else self.steps
        return f"{', '.join(f'{count:,}' for count in steps)} ({self.held_out:.1f})"


@dataclass(frozen=True, slots=True)
class Pair:
    """BitFit and full fine-tuning on a task."""

    bitfit: Side
    full: Side

    @property
    def differences(self) -> tuple[float, ...]:
        """Points by which BitFit is ahead, seed after seed."""
        return tuple(a - b for a, b in zip(self.bitfit.shipped, self.full.shipped, strict=True))


def main() -> None:
    arguments = parse_arguments()
    amount = Amount(arguments.examples, arguments.steps, arguments.seeds)
    cells = CellFile(arguments.output / CELLS).cells
    text = report(cells, default_runs(arguments.recipe), amount)
    write_output(arguments.output / "par.md", text.encode())
    draw(in_equal_time(summarize(cells), amount), arguments.output)
    print(text)


def in_equal_time(rows: Sequence[Row], amount: Amount) -> list[Row]:
    """Return each method's row in the time of full fine-tuning's steps, as if it had taken as many."""
    steps = {True: amount.in_time, False: amount.steps}
    fair = (row for row in rows if row.steps == steps[method(row.method).trains_biases_alone])
    return [replace(row, steps=amount.steps) for row in fair if row.examples == amount.rows]


def default_runs(file: Path | None) -> list[RecipeCell]:
    """Return the cells of the default recipe in a file of `recipe.run`."""
    lines = file.read_text(encoding="utf-8").splitlines() if file else []
    return [cell for cell in (RecipeCell(**json.loads(line)) for line in lines) if cell.arm == "auto"]


def report(cells: Sequence[Cell], default: Sequence[RecipeCell], amount: Amount) -> str:
    """Return both tables in Markdown."""
    bitfit, full = (sides(cells, name, amount) for name in ("bitfit", "full"))
    in_time = [
        Pair(a, b)
        for task in DATASETS
        for a in bitfit[task]
        for b in full[task]
        if {*a.steps} == {amount.in_time} and {*b.steps} == {amount.steps}
    ]
    for side in sides_of_default(default, amount):
        bitfit[side.task].append(side)
    own = [Pair(liked(bitfit[task]), liked(full[task])) for task in DATASETS if bitfit[task] and full[task]]
    return (
        f"## In equal time\n\nBitFit in {amount.in_time} steps, full in {amount.steps}, seed after seed.\n\n"
        f"{table(in_time)}\n"
        "## Each in the steps that it likes best\n\nIn brackets the mean on the rows held out, which chose.\n\n"
        f"{table(own)}"
    )


def sides(cells: Iterable[Cell], name: str, amount: Amount) -> defaultdict[str, list[Side]]:
    """Return, by task, a method's runs of each number of steps that has every seed, at the best rate of seed 0."""
    groups: defaultdict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        if (cell.method, cell.examples) == (name, amount.rows):
            groups[cell.task, cell.steps].append(cell)
    found: defaultdict[str, list[Side]] = defaultdict(list)
    for (task, steps), group in groups.items():
        best = max((cell for cell in group if cell.seed == 0), key=lambda cell: cell.held_out)
        runs = {cell.seed: cell for cell in group if cell.learning_rate == best.learning_rate}
        if set(runs) >= set(amount.every):
            chosen = [runs[seed] for seed in amount.every]
            held_out = 100 * mean(cell.held_out for cell in chosen)
            shipped = tuple(100 * cell.shipped for cell in chosen)
            collapsed = any(cell.collapsed for cell in chosen)
            found[task].append(Side(task, best.metric, (steps,) * len(chosen), held_out, shipped, collapsed))
    return found


def sides_of_default(cells: Iterable[RecipeCell], amount: Amount) -> list[Side]:
    """Return what the default recipe gives on each task that has every seed."""
    groups: defaultdict[str, dict[int, RecipeCell]] = defaultdict(dict)
    for cell in cells:
        groups[cell.task][cell.seed] = cell
    complete = ([runs[seed] for seed in amount.every] for runs in groups.values() if set(runs) >= set(amount.every))
    return [
        Side(
            runs[0].task,
            runs[0].metric,
            tuple(cell.steps for cell in runs),
            100 * mean(cell.held_out for cell in runs),
            tuple(100 * cell.engine for cell in runs),
        )
        for runs in complete
    ]


def liked(found: Sequence[Side]) -> Side:
    """Return what the rows held out like best, the fewer steps of equals."""
    return max(found, key=lambda side: (side.held_out, -max(side.steps)))


def table(pairs: Sequence[Pair]) -> str:
    """Return a line for each task, and means over those of which full fine-tuning learned something."""
    head = ("task", "BitFit", "steps", "full", "steps", "difference", "mean")
    lines = [head, ("---",) * len(head)]
    for pair in pairs:
        name, signed = f"{pair.bitfit.task} ({pair.bitfit.metric})", (f"{value:+.1f}" for value in pair.differences)
        sizes = (str(pair.bitfit), pair.bitfit.how_long, str(pair.full), pair.full.how_long)
        gap = "full learned nothing" if pair.full.collapsed else f"{mean(pair.differences):+.1f}"
        lines.append((name, *sizes, ", ".join(signed), gap))
    gaps = {pair.bitfit.task: mean(pair.differences) for pair in pairs if not pair.full.collapsed}
    others = {task: gap for task, gap in gaps.items() if task not in MADE}
    means = {
        "all": gaps,
        "those that others made": others,
        "these without cola": {task: gap for task, gap in others.items() if task != NEAR_CHANCE},
    }
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    shown = (f"- Mean of {name} ({len(by)}): {mean(by.values()):+.2f}\n" for name, by in means.items() if by)
    return f"{text}\n{''.join(shown)}"


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("methods") / "paper")
    parser.add_argument("--recipe", type=Path, help="cells of the default recipe, of the same encoder")
    parser.add_argument("--examples", type=int, default=1000, help="training rows")
    parser.add_argument("--steps", type=int, default=250, help="steps of full fine-tuning")
    parser.add_argument("--seeds", type=int, default=3, help="runs that a method must have")
    return parser.parse_args()


if __name__ == "__main__":
    main()
