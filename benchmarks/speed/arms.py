"""The arms: each answers a batch of tokens with one of its tasks, `arm(tokens, task)`."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from harness.packs import task_feeds
from speed.peers import eager
from speed.peers.floor import floor_feeds
from speed.peers.lora import LAYERS, random_adapter, write_adapter
from speed.prepare import Prepared

Tokens = dict[str, np.ndarray]
Arm = Callable[[Tokens, int], object]

OURS, HEAD, FLOOR = "ours, all biases fed", "frozen base and a head", "floor"
OPTIMUM, LORA = "optimum ", "LoRA r8 "
TORCH, TORCH_INT8 = "PyTorch fp32, biases swapped", "PyTorch dynamic int8"
RARE = (TORCH, TORCH_INT8)
TASKS = 2
ERRORS_ONLY = 3


def session_options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads
    # Else the threads of the arm before would still spin, on the cores of the arm that is timed.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    return ort.InferenceSession(str(path), session_options(threads), providers=["CPUExecutionProvider"])


def make_arms(prepared: Prepared, threads: int, without: Collection[str] = (), only: str = "") -> dict[str, Arm]:
    """The arms of a model whose names begin with `only` and are not in `without`, in sessions of so many threads."""
    torch.set_num_threads(threads)
    base = prepared.base
    tasks = [task_feeds(base, seed) for seed in range(TASKS)]
    makers: dict[str, Callable[[], Arm]] = {
        OURS: lambda: ours(open_session(base.model_path, threads), tasks),
        HEAD: lambda: frozen(open_session(base.model_path, threads), tasks),
        TORCH: lambda: eager.swapping(eager.load(prepared.checkpoint), tasks),
        TORCH_INT8: lambda: eager.int8(prepared.checkpoint),
        FLOOR: lambda: floor(prepared.floor, prepared.config, threads),
    }
    makers |= {OPTIMUM + name: lambda path=path: constant(path, threads) for name, path in prepared.optimum.items()}
    makers |= {LORA + name: lambda name=name: adapted(prepared, name, threads) for name in prepared.lora}
    return {name: make() for name, make in makers.items() if name.startswith(only) and name not in without}


def ours(session: ort.InferenceSession, tasks: list[Tokens]) -> Arm:
    expected = {value.name for value in session.get_overridable_initializers()}
    missing = expected - set(tasks[0])
    if missing:
        raise ValueError(f"inputs {sorted(missing)[:3]} would not be fed; 'all biases' should mean all")
    return lambda tokens, task: session.run(["logits"], {**tokens, **tasks[task]})[0]


def frozen(session: ort.InferenceSession, tasks: list[Tokens]) -> Arm:
    """What one base can do without BitFit: the same graph, no bias fed, and each task's head on the pooled vectors."""

    def answer(tokens: Tokens, task: int) -> object:
        pooled = session.run(["pooled"], tokens)[0]
        return pooled @ tasks[task]["head.weight"][0] + tasks[task]["head.bias"][0, 0]

    return answer


def constant(path: Path, threads: int) -> Arm:
    """One task alone, whichever is asked for."""
    session = open_session(path, threads)
    return lambda tokens, _: session.run(None, tokens)[0]


def adapted(prepared: Prepared, name: str, threads: int) -> Arm:
    """ONNX Runtime's adapters, each loaded once from its file and named in a run's options."""
    path = prepared.lora[name]
    session = open_session(path, threads)
    options = []
    for seed in range(TASKS):
        file = path.with_name(f"{path.stem}-{seed}.onnx_adapter")
        write_adapter(random_adapter(prepared.base, LAYERS[name], seed), file)
        adapter = ort.LoraAdapter()
        adapter.Load(str(file))
        run = ort.RunOptions()
        run.add_active_adapter(adapter)
        options.append((run, adapter))  # the run's options do not keep the adapter alive
    return lambda tokens, task: session.run(["logits"], tokens, options[task][0])[0]


def floor(path: Path, config: Path, threads: int) -> Arm:
    session = open_session(path, threads)
    feeds: dict[tuple[int, ...], Tokens] = {}

    def answer(tokens: Tokens, _: int) -> object:
        rows, sequence = tokens["input_ids"].shape
        if (rows, sequence) not in feeds:
            feeds[rows, sequence] = floor_feeds(config, rows, sequence)
        return session.run(None, feeds[rows, sequence])

    return answer


def random_tokens(rows: int, sequence: int) -> Tokens:
    ids = np.random.default_rng(0).integers(999, 30_000, (rows, sequence))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
