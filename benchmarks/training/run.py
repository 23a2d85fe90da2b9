"""Time and memory of a training step, BitFit's beside full fine-tuning's, and of many runs in one pass.

    python -m training.run --base BASE [--threads 1] [--output FILE]

All that is compared runs in turns. Peak memory is that of a process of its own for each method; what the process holds
before it has a model is given apart. Everything runs on a GPU where torch finds one (`--device cpu` keeps it away).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import transformers

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base
from bitfit_toolkit import Example, TrainOptions, load_examples
from bitfit_toolkit.compare.methods import method
from bitfit_toolkit.training.learner import Learner
from bitfit_toolkit.training.shared.fit import Student, joint_loss
from bitfit_toolkit.training.shared.row_biases import RowBiases
from harness.clock import interleaved
from harness.machine import processor

TEXTS = Path(__file__).parents[2] / "examples/data/intents/train.csv"
METHODS = ("full", "bitfit", "q,m2", "lora", "head")
SHAPES = ((16, 16), (16, 128))  # batch, sequence
AT_ONCE, OWN_BATCH = 8, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("results") / "report.json")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS, help="with full, the peer")
    parser.add_argument("--peak", help=argparse.SUPPRESS)  # the child process of `peak_memory`
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.peak:
        print(json.dumps(own_peak(arguments.base, arguments.peak, arguments.device)))
        return
    base = Base.open(arguments.base)
    result = {
        "machine": {"processor": processor(), "torch": torch.__version__, "transformers": transformers.__version__},
        "device": torch.cuda.get_device_name() if on_gpu(arguments.device) else "cpu",
        "base": base.manifest.name,
        "threads": arguments.threads,
        "step_ms": {
            f"batch {rows}, sequence {length}": step_times(base, rows, length, arguments) for rows, length in SHAPES
        },
        "peak_mb": peak_memory(arguments),
        "many_ms": many_times(base, arguments),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def on_gpu(device: str) -> bool:
    return device != "cpu" and torch.cuda.is_available()


def make_step(base: Base, name: str, rows: int, length: int, device: str) -> Callable[[], None]:
    """One optimizer step of a method on random tokens of a fixed length."""
    chosen = method(name)
    examples = [Example("a", label=label) for label in "ab"]
    learner = Learner(base, examples, TrainOptions(terms=chosen.terms, device=device))
    if chosen.choose is not None:
        chosen.choose(learner, 0)
    model = learner.model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-4, fused=True)
    where = next(model.parameters()).device
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


def step_times(base: Base, rows: int, length: int, arguments: argparse.Namespace) -> dict:
    runs = {name: make_step(base, name, rows, length, arguments.device) for name in arguments.methods}
    return with_ratios(interleaved(runs, arguments.rounds), "full")


def with_ratios(times: dict[str, dict[str, float]], peer: str) -> dict[str, dict[str, float]]:
    return {
        name: own | {f"ratio_of_{kind}": own[kind] / times[peer][kind] for kind in ("min", "median")}
        for name, own in times.items()
    }


def own_peak(base: Path, name: str, device: str) -> dict[str, float]:
    """Peak resident memory of this process (on a GPU: of torch's there) before and after three steps, in MB."""
    if on_gpu(device):
        step = make_step(Base.open(base), name, *SHAPES[1], device)
        for _ in range(3):
            step()
        return {"before": 0.0, "peak": torch.cuda.max_memory_allocated() / 1e6}
    before = resident_peak()
    step = make_step(Base.open(base), name, *SHAPES[1], device)
    for _ in range(3):
        step()
    return {"before": before, "peak": resident_peak()}


def resident_peak() -> float:
    """This process's largest resident memory in MB, as Linux counts it; getrusage would count the parent's too."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1e3


def peak_memory(arguments: argparse.Namespace) -> dict:
    found = {}
    for name in arguments.methods:
        command = [sys.executable, __file__, "--base", str(arguments.base), "--peak", name]
        command += ["--threads", str(arguments.threads), "--device", arguments.device]
        found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for own in found.values():
        own["ratio"] = own["peak"] / found["full"]["peak"]
        own["ratio_without_start"] = (own["peak"] - own["before"]) / (found["full"]["peak"] - found["full"]["before"])
    return found


def many_times(base: Base, arguments: argparse.Namespace) -> dict:
    """A step of each of eight runs, in one pass and one after another, on real texts."""
    encoder = rebuild_encoder(base)
    rows = RowBiases(encoder, base.manifest)
    examples = load_examples(TEXTS)
    students = []
    for seed in range(AT_ONCE):
        options = TrainOptions(seed=seed, batch_size=OWN_BATCH, device=arguments.device)
        learner = Learner(base, examples, options, encoder)
        encoder.requires_grad_(False).eval()
        students.append(Student(learner, learner.batches.encode(examples)))

    def together() -> None:
        torch.autograd.backward(joint_loss(students, [next(own.batches) for own in students], rows))
        for own in students:
            own.step()
        if on_gpu(arguments.device):
            torch.cuda.synchronize()

    def in_turn() -> None:
        for own in students:
            torch.autograd.backward(joint_loss([own], [next(own.batches)], rows))
            own.step()
        if on_gpu(arguments.device):
            torch.cuda.synchronize()

    times = interleaved({"one after another": in_turn, "at once": together}, arguments.rounds)
    return times | {"throughput_ratio": times["one after another"]["median"] / times["at once"]["median"]}


if __name__ == "__main__":
    main()
