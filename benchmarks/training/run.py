"""Time and memory of a training step, BitFit's beside full fine-tuning's, and of many runs in one pass.

    python -m training.run --base BASE [--threads 1] [--output FILE]

All that is compared runs in turns. Peak memory is that of a process of its own for each method; what the process holds
before it has a model is given apart. Everything runs on a GPU where torch finds one (`--device cpu` keeps it away).
"""

import argparse
import json

import torch
import transformers

from bitfit_runtime import Base
from harness.machine import processor
from harness.options import add_base, make_parser, results_of
from harness.reports import write_json
from training.measure import METHODS, SHAPES, on_gpu, peak_memory, shared_times, step_times


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    base = Base.open(arguments.base)
    methods, device, rounds = arguments.methods, arguments.device, arguments.rounds
    result = {
        "machine": {"processor": processor(), "torch": torch.__version__, "transformers": transformers.__version__},
        "device": torch.cuda.get_device_name() if on_gpu(device) else "cpu",
        "base": base.manifest.name,
        "threads": arguments.threads,
        "step_ms": {
            f"batch {rows}, sequence {length}": step_times(base, methods, rows, length, device, rounds)
            for rows, length in SHAPES
        },
        "peak_mb": peak_memory(base, methods, device, arguments.threads),
        "many_ms": shared_times(base, device, rounds),
    }
    write_json(arguments.output, result)
    print(json.dumps(result, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = make_parser(__doc__, results_of("training") / "report.json")
    add_base(parser)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--rounds", type=int, default=15, help="steps that are timed")
    parser.add_argument("--device", default="auto", help="auto, or cpu")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS, help="with full, the peer")
    return parser.parse_args()


if __name__ == "__main__":
    main()
