"""Which rows run together."""

from collections.abc import Sequence

# What a call costs besides its tokens is worth some 4 to 6 tokens on one thread; more threads like larger batches.
CALL_TOKENS = 16


def plan_batches(lengths: Sequence[int], batch_size: int, max_tokens: int) -> list[list[int]]:
    """Group row numbers into batches of similar length, so that a batch's padding costs no more than another call.

    Each batch holds at most `batch_size` rows, at most `CALL_TOKENS` tokens of padding and, unless it is a single row,
    at most `max_tokens` tokens with padding. Every row number occurs exactly once.
    """
    batches: list[list[int]] = []
    longest = padding = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        padding += longest - lengths[row]
        size = len(batches[-1]) + 1 if batches else 0
        if batches and size <= batch_size and longest * size <= max_tokens and padding <= CALL_TOKENS:
            batches[-1].append(row)
        else:
            batches.append([row])
            longest, padding = lengths[row], 0
    return batches
