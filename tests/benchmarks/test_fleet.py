"""Nodes that die: what is counted, and what the report says of it."""

import subprocess
import sys
from subprocess import PIPE

import pytest

from fleet.arms import Outcome
from fleet.cpu_time import CpuTime, descendants, working
from fleet.nodes import Kill
from fleet.run import ONE, RAY_ONE, RAY_TWO, TWO, cost_table, deaths_table

BUSY = "import time\nwhile time.process_time() < 0.6: pass\nprint('done', flush=True)\ninput()"


@pytest.mark.skipif(sys.platform != "linux", reason="counted as Linux counts")
def test_time_of_processes_that_were_started_counts() -> None:
    with CpuTime() as idle:
        pass
    with CpuTime() as busy, subprocess.Popen([sys.executable, "-c", BUSY], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        seen = busy.spent()
        process.kill()
    assert busy.seconds >= seen >= 0.5 > idle.seconds


@pytest.mark.skipif(sys.platform != "linux", reason="counted as Linux counts")
def test_a_process_is_found_by_how_its_command_line_starts() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=PIPE) as process:
        assert working(process.pid, sys.executable) and not working(process.pid, "ray::")
        process.communicate()


def test_children_of_children_are_found() -> None:
    assert descendants({2: 1, 3: 2, 4: 3, 9: 8}, {2}) == {2, 3, 4}


def outcome(packs: dict[str, str], finished: tuple[int, ...], in_ledger: int, kills: tuple[Kill, ...] = ()) -> Outcome:
    return Outcome(10.0, 1.0, 12.0, packs, finished, in_ledger, kills)


def test_packs_that_differ_are_lost_and_groups_that_came_twice_are_counted() -> None:
    here = outcome({"a": "1", "b": "2", "c": "3"}, (0, 1, 2), 3)
    kills = (Kill(1, 2.0, True), Kill(2, 7.0, False))
    rows = dict(deaths_table({ONE: here, RAY_TWO: outcome({"a": "1", "b": "9"}, (0, 1, 1), 2, kills)}).rows)
    assert (rows["lost"], rows["twice"]) == ("2", "1") and rows["nodes killed, of them at work"] == "2, 1"
    rows = dict(deaths_table({ONE: here, RAY_TWO: outcome(here.packs, (2, 0, 1), 2)}).rows)
    assert (rows["lost"], rows["twice"]) == ("1", "0")  # the ledger lacks it


def test_ratios_are_of_packs_a_second() -> None:
    seconds = {ONE: 100.0, TWO: 50.0, RAY_ONE: 110.0, RAY_TWO: 55.0}
    table = cost_table({way: [{"seconds": took, "cpu_seconds": 100.0}] for way, took in seconds.items()})
    ratios = {what: cells for what, *cells in table.rows if " / " in what}
    assert [cells[0] for cells in ratios.values()] == ["0.91", "2.00", "2.00"]
