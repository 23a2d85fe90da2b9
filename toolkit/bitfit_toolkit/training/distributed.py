"""Distributed training: what only one of several processes should do. `torchrun` tells each its rank."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch.distributed as dist

T = TypeVar("T")


def is_first_process() -> bool:
    """Whether this is the only process or the first of a `torchrun` job."""
    return os.environ.get("RANK", "0") == "0"


def process_count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def on_first_process(work: Callable[[], T]) -> T:
    """Do `work` in the first process while the others wait, and return its result, which pickles, in all of them."""
    if not (dist.is_available() and dist.is_initialized()):
        return work()
    results: list[Any] = [work() if is_first_process() else None]
    dist.broadcast_object_list(results)
    result: T = results[0]
    return result


def end_together() -> None:
    """End the job together: a process that leaves early aborts those that still talk to it."""
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
