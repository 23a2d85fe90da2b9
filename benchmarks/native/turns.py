"""Processes in turns: `turns.py TIMES COMMANDS` prints milliseconds and peak memory in MiB of each, as JSON.

A script of its own: the peak of a child counts what its parent held when it was started.
"""

import json
import os
import sys
import time

MIB = 1 << 20


def process(command: list[str]) -> tuple[float, float]:
    """Return the milliseconds that a process takes, and its peak memory in MiB."""
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, environment, file_actions=silent)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return 1e3 * (time.perf_counter() - began), usage.ru_maxrss * 1024 / MIB


def main() -> None:
    """Start every command once a turn."""
    times, commands = int(sys.argv[1]), json.loads(sys.argv[2])
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            found[name].append(process(command))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
