"""Memory of whole processes, time from the start of a process to its first answer, and bytes on disk."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness.clock import summary
from harness.ledger import Ledger
from harness.packs import graph_bytes, write_random_pack
from speed.peers.lora import LAYERS, random_adapter, write_adapter
from speed.plan import Plan
from speed.prepare import Prepared

MEMORY, COLD, DISK = "memory", "cold start", "disk"
OURS, OPTIMUM, LORA, TORCH = "ours", "optimum", "LoRA r8 query and value", "PyTorch fp32"
MODEL = "per-tensor"  # all of optimum's models are about as large


def memory(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Peak resident megabytes of a fresh process with one task, and with many resident."""
    commands = _commands(prepared, plan.tasks)

    def measure(tasks: int) -> dict[str, dict[str, Any]]:
        found = {
            name: run_process(command(tasks)) for name, command in commands.items() if tasks == 1 or name != OPTIMUM
        }
        if tasks > 1:
            one, several = (run_process(commands[OPTIMUM](count)) for count in (1, plan.sessions))
            found[OPTIMUM] = scaled(one, several, plan)
        return found

    for tasks in (1, plan.tasks):
        ledger.once(MEMORY, {"model": prepared.name, "tasks": tasks}, partial(measure, tasks))


def cold_start(ledger: Ledger, prepared: Prepared, plan: Plan) -> None:
    """Milliseconds from the start of a process to its first answer, files in the page cache. One thread."""
    commands = {name: command(1) for name, command in _commands(prepared, 1).items()}

    def measure() -> dict[str, dict[str, float]]:
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(plan.starts + 1):
            for name, command in commands.items():
                found = run_process(command)["first_answer_ms"]
                if turn:  # the first fills the page cache
                    times[name].append(found)
        return {name: summary(found) for name, found in times.items()}

    ledger.once(COLD, {"model": prepared.name}, measure)


def disk(ledger: Ledger, prepared: Prepared, _: Plan) -> None:
    """Bytes of what is shared by all tasks, and of what each task adds."""
    base = graph_bytes(prepared.base)
    packs, adapters = _packs(prepared, 1), _adapters(prepared, 1)
    sizes = {
        "float32 parameters": {"shared": 4 * prepared.base.manifest.parameters, "task": 0},
        OURS: {"shared": base, "task": packs[0].stat().st_size},
        OPTIMUM: {"shared": 0, "task": prepared.optimum[MODEL].stat().st_size},
        LORA: {"shared": prepared.lora["query and value"].stat().st_size, "task": adapters[0].stat().st_size},
    }
    ledger.once(DISK, {"model": prepared.name}, lambda: sizes)


def scaled(one: dict[str, float], several: dict[str, float], plan: Plan) -> dict[str, Any]:
    """Continue the line through one session and several to the number of tasks."""
    steps = (plan.tasks - 1) / (plan.sessions - 1)
    found = {name: one[name] + steps * (several[name] - one[name]) for name in ("peak_mb", "resident_mb")}
    return found | {"scaled_from_sessions": plan.sessions}


def _commands(prepared: Prepared, tasks: int) -> dict[str, Callable[[int], list[str]]]:
    tokenizer = str(prepared.base.tokenizer_path)
    packs, adapters = [[str(path) for path in made] for made in (_packs(prepared, tasks), _adapters(prepared, tasks))]
    model, lora = str(prepared.optimum[MODEL]), str(prepared.lora["query and value"])
    return {
        OURS: lambda n: ["ours", str(prepared.base.folder), str(n), *packs],
        OPTIMUM: lambda n: ["optimum", model, str(n), tokenizer],
        LORA: lambda n: ["lora", lora, str(n), tokenizer, *adapters],
        TORCH: lambda n: ["pytorch", str(prepared.checkpoint), str(n), tokenizer],
    }


def run_process(arguments: list[str]) -> dict[str, float]:
    """Run `child.py`, and say besides when it answered, from the start of its process."""
    began = time.time()
    command = [sys.executable, str(Path(__file__).with_name("child.py")), *arguments]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found | {"first_answer_ms": 1e3 * (found.pop("answered_at") - began)}


def _packs(prepared: Prepared, tasks: int) -> list[Path]:
    paths = [prepared.base.folder.with_name(f"{prepared.base.folder.name}-{n}.safetensors") for n in range(tasks)]
    for seed, path in enumerate(paths):
        if not path.exists():
            write_random_pack(prepared.base, seed, path)
    return paths


def _adapters(prepared: Prepared, tasks: int) -> list[Path]:
    layers = "query and value"
    graph = prepared.lora[layers]
    paths = [graph.with_name(f"{graph.stem}-{n}.onnx_adapter") for n in range(tasks)]
    for seed, path in enumerate(paths):
        if not path.exists():
            write_adapter(random_adapter(prepared.base, LAYERS[layers], seed), path)
    return paths
