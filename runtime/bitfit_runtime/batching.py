"""Which rows run together."""

from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], batch_size: int, max_tokens: int) -> list[list[int]]:
    """Group row numbers into batches of similar length, so that little is spent on padding.

    Each batch holds at most `batch_size` rows and, unless it is a single row, at most `max_tokens` padded tokens.
    Every row number occurs exactly once.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        batch = batches[-1] if batches else None
        if batch and len(batch) < batch_size and lengths[batch[0]] * (len(batch) + 1) <= max_tokens:
            batch.append(row)
        else:
            batches.append([row])
    return batches
