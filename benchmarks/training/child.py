"""A fresh process that takes three training steps and prints its peak memory as JSON.

    python benchmarks/training/child.py BASE METHOD DEVICE THREADS

On a GPU the memory is torch's there.
"""

import json
import sys

import torch

from bitfit_runtime import Base
from harness.memory import peak_kib
from training.measure import SHAPES, make_step, on_gpu

STEPS = 3


def main() -> None:
    folder, method, device, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    before = megabytes(device)
    step = make_step(Base.open(folder), method, *SHAPES[1], device)
    for _ in range(STEPS):
        step()
    print(json.dumps({"before": before, "peak": megabytes(device)}))


def megabytes(device: str) -> float:
    """Return the most megabytes held so far: on a CPU thousands of KiB, as committed results count them."""
    if on_gpu(device):
        return float(torch.cuda.max_memory_allocated() / 1e6)
    return peak_kib() / 1e3


if __name__ == "__main__":
    main()
