"""Output of a review: which classes a pack confuses, and the answers that are most wrong."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from bitfit_toolkit.cli.output import line_width, print_table, say
from bitfit_toolkit.reports.review import Review, shorten

MOST_CLASSES: Final = 8  # of a table that fits a terminal
PAIRS: Final = 5
ANSWERS: Final = 3
WIDTH: Final = 60  # characters of a text


def print_review(review: Review) -> None:
    """Print the confusion table, of many classes what is confused most, and the worst answers."""
    if review.confusion:
        if len(review.classes) <= MOST_CLASSES and _width(review) <= line_width():
            say("")
            say("expected (rows), found (columns)")
            print_table(("", *review.classes), _table(review))
        elif review.wrong:
            say("")
            say("confused most")
            pairs = review.most_confused(PAIRS)
            print_table(("expected", "found", "rows"), [(one.expected, one.found, f"{one.count:,}") for one in pairs])
    if review.mistakes:
        say("")
        what = "answers farthest off" if review.wrong is None else f"worst of {review.wrong:,} wrong answers"
        say(f"{what} to {review.rows:,} rows")
        print_table(("row", "expected", "found", "error", "text"), _worst(review))


def _width(review: Review) -> int:
    """Return how wide the confusion table is, whose columns are as wide as their headers."""
    columns = [len(name) + 2 for name in review.classes]
    return max(columns) + sum(columns)


def _table(review: Review) -> Iterator[tuple[str, ...]]:
    counts = Counter({(one.expected, one.found): one.count for one in review.confusion})
    for expected in review.classes:
        yield expected, *(f"{counts[expected, found]:,}" for found in review.classes)


def _worst(review: Review) -> Iterator[tuple[str, ...]]:
    for one in review.mistakes[:ANSWERS]:
        text = one.text if one.text_pair is None else f"{one.text} | {one.text_pair}"
        yield str(one.row), one.expected, one.found, f"{one.error:.3f}", shorten(text, WIDTH)
