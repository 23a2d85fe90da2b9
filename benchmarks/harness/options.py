"""Options that the suites share, and the folders that they default to."""

import argparse
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1]
ROOT = BENCHMARKS.parent
WORK = ROOT / ".bench"


def make_parser(description: str | None, results: Path) -> argparse.ArgumentParser:
    """Return a parser with `--output`, which defaults to `results`; `description` is the docstring of the suite."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = "file" if results.suffix else "folder"
    parser.add_argument(
        "--output", type=Path, default=results, help=f"{what} for results, by default {_from_root(results)}"
    )
    return parser


def results_of(suite: str) -> Path:
    """Return the folder of a suite's committed results."""
    return BENCHMARKS / suite / "results"


def add_base(parser: argparse.ArgumentParser) -> None:
    """Add `--base`, which must be given."""
    parser.add_argument("--base", type=Path, required=True, help="folder of a base, say one exported from MiniLM")


def add_work(parser: argparse.ArgumentParser) -> None:
    """Add `--work`, the folder of what is made once and measured often."""
    help_text = f"folder where exported bases, graphs and packs are kept, by default {_from_root(WORK)}"
    parser.add_argument("--work", type=Path, default=WORK, help=help_text)


def add_models(parser: argparse.ArgumentParser, models: Sequence[str]) -> None:
    """Add `--models`, some of `models`."""
    parser.add_argument("--models", nargs="+", choices=models, default=models, help="measure these only")


def silence() -> None:
    """Keep the log records and deprecation warnings of other packages out of the output."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


def _from_root(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
