"""Output of `bitfit train`: the report of one run."""

from typing import TYPE_CHECKING

from bitfit_toolkit.cli.output import print_json, print_notes, print_pairs
from bitfit_toolkit.cli.review import print_review
from bitfit_toolkit.cli.train_options import at_command_line
from bitfit_toolkit.reports.lines import report_lines

if TYPE_CHECKING:  # it needs torch
    from bitfit_toolkit.training.train import TrainReport


def print_report(report: "TrainReport", json: bool) -> None:
    """Print the report of one run, once however many processes trained it."""
    from bitfit_toolkit.training.distributed import end_together, is_first_process

    end_together()
    if not is_first_process():
        return
    print_notes(map(at_command_line, report.notes))
    if json:
        print_json(report.as_dict())
        return
    print_pairs(report_lines(report))
    print_review(report.review)
