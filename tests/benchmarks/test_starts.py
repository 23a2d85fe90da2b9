"""Starts: processor time of processes, and what the report says of it."""

import sys

from starts.run import AIMS, IMPORT, processor_ms, starts


def test_the_time_of_a_process_is_its_own_and_not_what_it_waits() -> None:
    assert processor_ms([sys.executable, "-S", "-c", "import time; time.sleep(2)"]) < 1000
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    assert processor_ms([sys.executable, "-S", "-c", busy]) > 290


def test_the_report_compares_medians_with_the_import() -> None:
    first, *_, last = AIMS
    [bare, missed, met] = starts({IMPORT: [100, 90, 500], first: [131, 131, 90], last: [600, 450, 999]}).rows
    assert bare == (IMPORT, "100 (90)", "1.00 (1.00)", "–", "–")
    assert missed == (first, "131 (90)", "1.31 (1.00)", "≤ 1.3", "no")
    assert met == (last, "600 (450)", "6.00 (5.00)", "≤ 6.0", "yes")
