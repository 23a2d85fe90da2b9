"""The arms: each answers a batch of tokens with one of its tasks, `arm(tokens, task)`."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch

from bitfit_runtime.graph import TOKENS_READ
from bitfit_runtime.runner import NO_TOKENS
from harness.packs import Arrays, task_feeds
from harness.sessions import activate_adapter, open_session
from harness.tokens import Tokens
from speed.peers import eager
from speed.peers.floor import floor_feeds
from speed.prepare import Prepared

Arm: TypeAlias = Callable[[Tokens, int], object]

OURS, HEAD, FLOOR = "ours, all biases fed", "frozen base and a head", "floor"
OPTIMUM, LORA = "optimum ", "LoRA r8 "
TORCH, TORCH_INT8 = "PyTorch fp32, biases swapped", "PyTorch dynamic int8"
RARE = (TORCH, TORCH_INT8)
TASKS = 2


def make_arms(prepared: Prepared, threads: int, without: Collection[str] = (), only: str = "") -> dict[str, Arm]:
    """Return the arms of a model whose names begin with `only` and are not in `without`, with so many threads."""
    torch.set_num_threads(threads)
    base = prepared.base
    tasks = [task_feeds(base, seed) for seed in range(TASKS)]
    makers: dict[str, Callable[[], Arm]] = {
        OURS: lambda: ours(open_session(base.model_path, threads), tasks),
        HEAD: lambda: frozen(open_session(base.model_path, threads), tasks),
        TORCH: lambda: eager.swapping(eager.load(prepared.checkpoint), tasks),
        TORCH_INT8: lambda: eager.int8(prepared.checkpoint),
        FLOOR: lambda: floor(prepared, threads),
    }
    for name, path in prepared.optimum.items():
        makers[OPTIMUM + name] = partial(constant, path, threads)
    for layers in prepared.lora:
        makers[LORA + layers] = partial(adapted, prepared, layers, threads)
    return {name: make() for name, make in makers.items() if name.startswith(only) and name not in without}


def ours(session: ort.InferenceSession, tasks: Sequence[Arrays]) -> Arm:
    """The base with a task's biases and head fed at each call.

    As in the engine, no token logits are asked for. Raises ValueError where a bias would not be fed.
    """
    inputs = {value.name for value in session.get_overridable_initializers()}
    missing = {name for name in inputs if not name.startswith("branch.")} - {TOKENS_READ} - set(tasks[0])
    if missing:
        raise ValueError(f"inputs {sorted(missing)[:3]} would not be fed; 'all biases' should mean all")
    return lambda tokens, task: session.run(["logits"], {**tokens, **tasks[task], TOKENS_READ: NO_TOKENS})[0]


def frozen(session: ort.InferenceSession, tasks: Sequence[Arrays]) -> Arm:
    """What one base can do without BitFit: the same graph, no bias fed, and each task's head on the pooled vectors."""

    def answer(tokens: Tokens, task: int) -> object:
        pooled = session.run(["pooled"], tokens)[0]
        return pooled @ tasks[task]["head.weight"][0] + tasks[task]["head.bias"][0, 0]

    return answer


def constant(path: Path, threads: int) -> Arm:
    """One task alone, whichever is asked for."""
    session = open_session(path, threads)
    return lambda tokens, _: session.run(None, tokens)[0]


def adapted(prepared: Prepared, layers: str, threads: int) -> Arm:
    """ONNX Runtime's adapters, each loaded once from its file and named in a run's options."""
    session = open_session(prepared.lora[layers], threads)
    active = [activate_adapter(path) for path in prepared.adapters(layers, TASKS)]
    return lambda tokens, task: session.run(["logits"], tokens, active[task][0])[0]


def floor(prepared: Prepared, threads: int) -> Arm:
    """The products and attention alone, on random activations of the tokens' shape."""
    session = open_session(prepared.floor, threads)
    feeds: dict[tuple[int, int], dict[str, npt.NDArray[np.uint8]]] = {}

    def answer(tokens: Tokens, _: int) -> object:
        rows, sequence = tokens["input_ids"].shape
        if (rows, sequence) not in feeds:
            feeds[rows, sequence] = floor_feeds(prepared.config, rows, sequence)
        return session.run(None, feeds[rows, sequence])

    return answer
