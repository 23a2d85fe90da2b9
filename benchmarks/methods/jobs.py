"""What the table of the paper consists of, in the order in which it is run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bitfit_toolkit import TrainOptions
from bitfit_toolkit.compare.plan import MOST_STEPS, TIME_SHARE
from bitfit_toolkit.training.steps import auto_steps
from harness.datasets import DATASETS

DEFAULT: Final = (1.0,)  # of the measured rates
WEIGHT_RATES: Final = (1e-4, 3e-4)  # of full fine-tuning: 1e-3 and 3e-5 were worse on each of six tasks
LARGE_RATES: Final = (3e-5, 1e-4)
HUNGRY: Final = ("foreign", "wnut17")  # tasks on which full fine-tuning's 250 steps are far too few for biases


@dataclass(frozen=True, slots=True)
class Amount:
    """Training rows, steps of full fine-tuning, and seeds."""

    rows: int
    steps: int
    seeds: int

    @property
    def in_time(self) -> int:
        """Steps that biases take in the time of full fine-tuning's."""
        return round(self.steps / TIME_SHARE)

    @property
    def every(self) -> tuple[int, ...]:
        """All seeds."""
        return tuple(range(self.seeds))


@dataclass(frozen=True, slots=True)
class Job:
    """Cells of one task and method: so many steps, these seeds, and rates to try where the method does not choose."""

    task: str
    method: str
    steps: int
    seeds: tuple[int, ...]
    rates: tuple[float, ...] | None = None


def small_jobs(tasks: Sequence[str], amount: Amount) -> Iterator[Job]:
    """Yield equal time with seed 0, more steps where they tell most, the other seeds, heads, then all else."""
    every, hungry = amount.every, [task for task in tasks if task in HUNGRY]
    for seed in every[:1]:
        yield from (job for task in tasks for job in equal_time(task, amount, seed))
    yield from (job for task in hungry for job in more_steps(task, amount, (0,)))
    for seed in every[1:]:
        yield from (job for task in tasks for job in equal_time(task, amount, seed))
    yield from (Job(task, "head", amount.steps, every) for task in tasks)
    yield from (job for task in tasks for job in more_steps(task, amount, every))
    for task in hungry:
        yield Job(task, "bitfit", min(MOST_STEPS, 8 * amount.steps), (0,), DEFAULT)
        yield Job(task, "full", 4 * amount.steps, (0,), WEIGHT_RATES)
    yield from (Job(task, "q,m2", amount.in_time, every, DEFAULT) for task in tasks)
    yield from (Job(task, name, amount.steps, every) for name in ("lora", "random") for task in tasks)


def large_jobs(tasks: Sequence[str], amount: Amount) -> Iterator[Job]:
    """Yield BitFit and full fine-tuning by seed, then terms of the paper and the head alone."""
    for seed in amount.every:
        yield from (job for task in tasks for job in equal_time(task, amount, seed, LARGE_RATES))
    yield from (Job(task, "q,m2", amount.in_time, amount.every, DEFAULT) for task in tasks)
    yield from (Job(task, "head", amount.steps, amount.every) for task in tasks)
    yield from (job for task in tasks for job in more_steps(task, amount, amount.every, LARGE_RATES))


def equal_time(task: str, amount: Amount, seed: int, rates: tuple[float, ...] = WEIGHT_RATES) -> Iterator[Job]:
    """Yield BitFit in the time of full fine-tuning, and that."""
    yield Job(task, "bitfit", amount.in_time, (seed,), DEFAULT)
    yield Job(task, "full", amount.steps, (seed,), rates)


def more_steps(
    task: str, amount: Amount, seeds: tuple[int, ...], rates: tuple[float, ...] = WEIGHT_RATES
) -> Iterator[Job]:
    """Yield BitFit in the steps that it takes by default, and full fine-tuning in twice as many as at first."""
    by_default = auto_steps(TrainOptions(task_type=DATASETS[task].task_type), amount.rows)
    yield Job(task, "bitfit", min(by_default, 8 * amount.steps), seeds, DEFAULT)
    yield Job(task, "full", 2 * amount.steps, seeds, rates)
