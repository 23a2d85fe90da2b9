"""What only one of several training processes should do."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch.distributed as dist

T = TypeVar("T")


def is_first_process() -> bool:
    """Whether this is the only process or the first of a `torchrun` job."""
    return not _several() or dist.get_rank() == 0


def on_first_process(work: Callable[[], T]) -> T:
    """Do `work` in the first process while the others wait, and return its result, which pickles, in all of them."""
    if not _several():
        return work()
    results: list[Any] = [work() if is_first_process() else None]
    dist.broadcast_object_list(results)
    result: T = results[0]
    return result


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()
