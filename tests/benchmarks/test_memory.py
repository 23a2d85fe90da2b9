"""Memory: what is counted, and what the report says of it."""

from harness.memory import forget_peak, peak_kib, resident_kib
from memory.child import IMPORTS, LONG, MEASURES, WORDS, texts
from memory.run import AIMS, peaks


def test_a_peak_is_counted_from_where_the_last_one_was_forgotten() -> None:
    taken = bytearray(100_000_000)
    taken[::4096] = bytes(len(taken[::4096]))
    peak = peak_kib()
    assert peak >= resident_kib() > 90_000
    del taken
    forget_peak()
    assert peak_kib() < peak - 90_000


def test_texts_are_the_same_each_time_and_as_long_as_prose() -> None:
    assert list(texts(3, 5)) == list(texts(3, 5))
    [text] = texts(1, LONG)
    assert len(text.split()) == LONG and 5 < len(text) / LONG < 6
    assert len(set(WORDS)) > 100


def test_the_report_says_which_aims_are_missed() -> None:
    missed, *_, met = AIMS
    found = {
        IMPORTS: {"peak_mb": 500.0},
        missed: {"peak_mb": 501.0 + AIMS[missed], "seconds": 1.0},
        met: {"peak_mb": 700.0, "before_mb": 690.0, "seconds": 2.5},
    }
    assert set(AIMS) < set(MEASURES) and IMPORTS in MEASURES
    [bare, first, last] = peaks(found).rows
    assert bare == (IMPORTS, "500", "–", "–", "–", "–")
    assert first == (missed, "1501", "1001", "1.00", "≤ 1000", "no")
    assert last == (met, "700", "10", "2.50", "≤ 40", "yes")
