"""Steps of a run: as given, or by how many rows there are and what they teach."""

import math
from dataclasses import replace
from typing import Final

from bitfit_runtime.graph import TOKEN_LOGITS
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.training.options import TrainOptions

SEEN: Final = 320  # examples that a run sees, times the root of the rows: 10 passes over 1,000 rows, 1 over 100,000
SEEN_BY_TOKENS: Final = 2 * SEEN  # where every token has a label of its own, few of which say much
FEWEST_STEPS: Final = 250
MOST_STEPS: Final = 20_000
MOST_ROUNDS: Final = 4  # of a run that has not learned its rows yet
MOST_STEPS_IN_ROUNDS: Final = 2_560  # four rounds on 1,000 rows, two of entities; runs of over 1,280 have one


def settle_steps(options: TrainOptions, rows: int) -> TrainOptions:
    """Return options that say how many steps a run on `rows` training rows takes, where its epochs are auto."""
    if not _are_auto(options):
        return options
    return replace(options, max_steps=auto_steps(options, rows))


def auto_steps(options: TrainOptions, rows: int) -> int:
    """Return the steps of auto: as the root of the rows, so that large data are not seen often, nor small ones rarely.

    A step of a larger batch counts for more. There are at least 250 steps, and at most 20,000.
    """
    tokens = TASK_TYPES[options.task_type].output == TOKEN_LOGITS
    seen = (SEEN_BY_TOKENS if tokens else SEEN) * math.sqrt(rows)
    return min(max(round(seen / _examples_a_step(options)), FEWEST_STEPS), MOST_STEPS)


def rounds_of(options: TrainOptions, rows: int) -> int:
    """Return how often a run of auto steps may begin its schedule again from where it is, the first time included.

    Other runs end where they were told to.
    """
    if not _are_auto(options) or options.early_stopping_patience is not None:
        return 1
    return max(1, min(MOST_ROUNDS, MOST_STEPS_IN_ROUNDS // auto_steps(options, rows)))


def steps_of(options: TrainOptions, rows: int) -> int:
    """Return how many steps a run on `rows` training rows takes."""
    settled = settle_steps(options, rows)
    if settled.max_steps is not None:
        return settled.max_steps
    passes = math.ceil(rows / _examples_a_step(options))
    return math.ceil(float(options.num_train_epochs) * passes)


def _are_auto(options: TrainOptions) -> bool:
    """Whether the steps are to be chosen by the rows."""
    return options.max_steps is None and isinstance(options.num_train_epochs, str)


def _examples_a_step(options: TrainOptions) -> int:
    from bitfit_toolkit.training.distributed import process_count  # it needs torch, plans do not

    return options.per_device_train_batch_size * options.gradient_accumulation_steps * process_count()
