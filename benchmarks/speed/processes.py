"""Whole processes: their memory and the time from their start to the first answer; and bytes on disk."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.clock import Figures, summary
from harness.ledger import Ledger
from harness.models import graph_bytes
from harness.packs import write_random_packs
from harness.processes import run_script
from speed.plan import Plan
from speed.prepare import Prepared

MEMORY, COLD_START, DISK = "memory", "cold start", "disk"
OURS, OPTIMUM, LORA, TORCH = "ours", "optimum", "LoRA r8 query and value", "PyTorch fp32"
OPTIMUM_MODEL = "per-tensor"  # all of optimum's models are about as large
LORA_LAYERS = "query and value"
CHILD = Path(__file__).with_name("child.py")

Command = list[object]  # arguments of `child.py`


def memory(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Measure the peak megabytes of a fresh process with one task, and with many in memory."""
    commands = _commands(prepared, plan.tasks)

    def measure(tasks: int) -> dict[str, Figures]:
        found: dict[str, Figures] = {
            name: answer_in_process(command(tasks))
            for name, command in commands.items()
            if tasks == 1 or name != OPTIMUM
        }
        if tasks > 1:
            one, several = (answer_in_process(commands[OPTIMUM](sessions)) for sessions in (1, plan.sessions))
            found[OPTIMUM] = _extrapolated(one, several, plan)
        return found

    for tasks in (1, plan.tasks):
        ledger.once(MEMORY, {"model": prepared.name, "tasks": tasks}, partial(measure, tasks))


def cold_start(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Measure milliseconds from the start of a process to its first answer, files in the page cache. One thread."""
    commands = {name: command(1) for name, command in _commands(prepared, 1).items()}

    def measure() -> dict[str, dict[str, float]]:
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(plan.starts + 1):
            for name, command in commands.items():
                found = answer_in_process(command)["first_answer_ms"]
                if turn:  # the first fills the page cache
                    times[name].append(found)
        return {name: summary(found) for name, found in times.items()}

    ledger.once(COLD_START, {"model": prepared.name}, measure)


def disk(ledger: Ledger, prepared: Prepared, _: Plan) -> None:
    """Count the bytes of what is shared by all tasks, and of what each task adds."""
    [pack], [adapter] = write_random_packs(prepared.base, 1), prepared.adapters(LORA_LAYERS, 1)
    sizes = {
        "float32 parameters": {"shared": 4 * prepared.base.manifest.parameters, "task": 0},
        OURS: {"shared": graph_bytes(prepared.base), "task": pack.stat().st_size},
        OPTIMUM: {"shared": 0, "task": prepared.optimum[OPTIMUM_MODEL].stat().st_size},
        LORA: {"shared": prepared.lora[LORA_LAYERS].stat().st_size, "task": adapter.stat().st_size},
    }
    ledger.once(DISK, {"model": prepared.name}, lambda: sizes)


def answer_in_process(command: Command) -> dict[str, float]:
    """Run `child.py` and return its megabytes, `peak_mb` and `resident_mb`, and `first_answer_ms`.

    Milliseconds are counted from the start of the process.
    """
    began = time.time()
    found: dict[str, float] = run_script(CHILD, *command)
    return found | {"first_answer_ms": 1e3 * (found.pop("answered_at") - began)}


def our_command(folder: Path, packs: list[Path], tasks: int) -> Command:
    """Return the arguments of `child.py` for a base and packs."""
    return [OURS, folder, tasks, *packs]


def _commands(prepared: Prepared, tasks: int) -> dict[str, Callable[[int], Command]]:
    """Return a command for each arm, by the number of tasks, of which there are at most `tasks`."""
    tokenizer, base = prepared.base.tokenizer_path, prepared.base
    packs, adapters = write_random_packs(base, tasks), prepared.adapters(LORA_LAYERS, tasks)
    model, lora = prepared.optimum[OPTIMUM_MODEL], prepared.lora[LORA_LAYERS]
    return {
        OURS: lambda n: our_command(base.folder, packs, n),
        OPTIMUM: lambda n: ["optimum", model, n, tokenizer],
        LORA: lambda n: ["lora", lora, n, tokenizer, *adapters],
        TORCH: lambda n: ["pytorch", prepared.checkpoint, n, tokenizer],
    }


def _extrapolated(one: dict[str, float], several: dict[str, float], plan: Plan) -> dict[str, float]:
    """Continue the line through one session and several to the number of tasks."""
    steps = (plan.tasks - 1) / (plan.sessions - 1)
    found = {name: one[name] + steps * (several[name] - one[name]) for name in ("peak_mb", "resident_mb")}
    return found | {"scaled_from_sessions": plan.sessions}
