"""Folder of a report: a page to read, its plots, and the same as JSON."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitfit_runtime.files import make_folder, write_output
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.reports.plots import (
    draw_confusion,
    draw_coverage,
    draw_curve,
    draw_numbers,
    draw_reliability,
    require_plots,
)
from bitfit_toolkit.reports.review import Review
from bitfit_toolkit.tasks.judgement import Judgement

if TYPE_CHECKING:
    from bitfit_toolkit.training.curve import CurvePoint

PAGE, FACTS = "report.md", "report.json"
PLOTS = CURVE, CONFUSION, NUMBERS, RELIABILITY, COVERAGE = (
    "curve.png",
    "confusion.png",
    "numbers.png",
    "reliability.png",
    "coverage.png",
)


def check_report(folder: str | Path) -> None:
    """Raise TrainingError or MissingExtraError where no report can be written, before a run is spent on it."""
    require_plots()
    try:
        make_folder(Path(folder))
    except OSError as error:
        raise TrainingError(f"`report` {folder} cannot be made ({error.strerror}); name a folder to write to") from None


def write_report(
    folder: str | Path,
    facts: Mapping[str, Any],
    review: Review,
    judgements: Sequence[Judgement],
    metric: str,
    curve: Sequence["CurvePoint"] = (),
    lines: Sequence[tuple[str, str]] = (),
) -> None:
    """Write `report.md`, the plots that it shows and `report.json`, which is `facts`. Files of an earlier one go.

    The page has the metrics, then `lines`, pairs of what and how much.
    """
    folder = Path(folder)
    try:
        for name in PLOTS:
            (folder / name).unlink(missing_ok=True)
        draw_curve(folder / CURVE, curve, metric)
        if review.confusion:
            draw_confusion(folder / CONFUSION, review)
        if any(judgement.numbers is not None for judgement in judgements):
            draw_numbers(folder / NUMBERS, judgements)
        if any(judgement.confidence is not None for judgement in judgements):
            draw_reliability(folder / RELIABILITY, judgements)
            draw_coverage(folder / COVERAGE, judgements)
        shown = [name for name in PLOTS if (folder / name).exists()]
        page = "\n".join(_page(facts, review, shown, lines)) + "\n"
        write_output(folder / PAGE, page.encode())
        write_output(folder / FACTS, json.dumps(facts, ensure_ascii=False, indent=2).encode())
    except OSError as error:
        raise TrainingError(
            f"the report cannot be written to {folder} ({error.strerror}); the pack is written"
        ) from None


def _page(
    facts: Mapping[str, Any], review: Review, plots: Sequence[str], lines: Sequence[tuple[str, str]]
) -> Iterator[str]:
    yield f"# {_cell(str(facts['task']))}"
    yield ""
    for name, value in facts["engine"].items():
        yield f"- {_cell(name)}: {value:.4f}"
    if review.wrong is not None:
        yield f"- {review.wrong:,} of {review.rows:,} evaluation rows are not answered rightly"
    yield from (f"- {_cell(what)}: {_cell(how_much)}" for what, how_much in lines)
    yield from (f"- {_cell(note)}" for note in facts["notes"])
    for plot in plots:
        yield from ("", f"![{plot.removesuffix('.png')}]({plot})")
    confused = review.most_confused(10)
    if confused:
        yield from ("", "## Confused most", "", "| expected | found | rows |", "|---|---|---|")
        yield from (f"| {_cell(one.expected)} | {_cell(one.found)} | {one.count:,} |" for one in confused)
    if review.mistakes:
        yield from ("", "## Worst answers", "", "| row | text | expected | found | error |", "|---|---|---|---|---|")
        for one in review.mistakes:
            text = one.text if one.text_pair is None else f"{one.text} | {one.text_pair}"
            yield f"| {one.row} | {_cell(text)} | {_cell(one.expected)} | {_cell(one.found)} | {one.error:.3f} |"


def _cell(text: str) -> str:
    """Return foreign text so that neither Markdown nor HTML takes a part of it for its own."""
    plain = html.escape("".join(c if c.isprintable() else " " for c in text), quote=False)
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|~" else c for c in plain)
