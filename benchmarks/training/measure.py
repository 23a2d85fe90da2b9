"""The measurements of the training suite: steps, the memory of processes that take some, and shared passes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import torch

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions, load_examples
from bitfit_toolkit.compare.methods import method
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.shared.row_biases import RowBiases
from bitfit_toolkit.training.shared.runs import SharedRun, joint_loss
from harness.clock import interleaved
from harness.options import ROOT
from harness.processes import run_script

METHODS = ("full", "bitfit", "q,m2", "lora", "head")
PEER = "full"
SHAPES = ((16, 16), (16, 128))  # batch, sequence
SHARED_RUNS, SHARED_BATCH = 8, 8
TEXTS = ROOT / "examples/data/intents/train.csv"
CHILD = Path(__file__).with_name("child.py")

Times: TypeAlias = dict[str, dict[str, float]]  # by method: figures by name


def on_gpu(device: str) -> bool:
    """Whether training runs on a GPU."""
    return device != "cpu" and torch.cuda.is_available()


def make_step(base: Base, name: str, rows: int, length: int, device: str) -> Callable[[], None]:
    """Return one optimizer step of a method on random tokens `[rows, length]`."""
    chosen = method(name)
    examples = [Example("a", label=label) for label in "ab"]
    run = Run.start(base, examples, TrainOptions(terms=chosen.terms, device=device))
    if chosen.choose is not None:
        chosen.choose(run, 0)
    model = run.model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-4, fused=True)
    where = model.device
    ids = torch.randint(999, 9999, (rows, length), device=where)
    tokens = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    batch = {key: tokens[key] for key in base.manifest.inputs}
    labels = torch.randint(0, 2, (rows,), device=where)

    def step() -> None:
        model(labels=labels, **batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        if where.type == "cuda":
            torch.cuda.synchronize()

    return step


def step_times(base: Base, methods: Sequence[str], rows: int, length: int, device: str, rounds: int) -> Times:
    """Return milliseconds of a step by method, and their ratios to full fine-tuning's."""
    times = interleaved({name: make_step(base, name, rows, length, device) for name in methods}, rounds)
    return {
        name: own
        | {f"ratio_of_{statistic}": own[statistic] / times[PEER][statistic] for statistic in ("min", "median")}
        for name, own in times.items()
    }


def peak_memory(base: Base, methods: Sequence[str], device: str, threads: int) -> Times:
    """Return megabytes of fresh processes by method, and their ratios to full fine-tuning's."""
    found: Times = {name: run_script(CHILD, base.folder, name, device, threads) for name in methods}
    peer = found[PEER]
    return {
        name: own
        | {
            "ratio": own["peak"] / peer["peak"],
            "ratio_without_start": (own["peak"] - own["before"]) / (peer["peak"] - peer["before"]),
        }
        for name, own in found.items()
    }


def shared_times(base: Base, device: str, rounds: int) -> dict[str, dict[str, float] | float]:
    """Return milliseconds of a step of each of eight runs, in one pass and one after another, on real texts."""
    encoder = rebuild_encoder(base)
    row_biases = RowBiases(encoder, base.manifest)
    examples = load_examples(TEXTS)
    runs = []
    for seed in range(SHARED_RUNS):
        options = TrainOptions(seed=seed, per_device_train_batch_size=SHARED_BATCH, device=device)
        run = Run.start(base, examples, options, encoder)
        encoder.requires_grad_(False).eval()
        runs.append(SharedRun(run, run.preprocessor.prepare(examples)))

    def step(together: Sequence[SharedRun]) -> None:
        torch.autograd.backward(joint_loss(together, [next(own.batches) for own in together], row_biases))
        for own in together:
            own.step()

    def all_at_once() -> None:
        step(runs)
        if on_gpu(device):
            torch.cuda.synchronize()

    def one_after_another() -> None:
        for run in runs:
            step([run])
        if on_gpu(device):
            torch.cuda.synchronize()

    times = interleaved({"one after another": one_after_another, "at once": all_at_once}, rounds)
    return {**times, "throughput_ratio": times["one after another"]["median"] / times["at once"]["median"]}
