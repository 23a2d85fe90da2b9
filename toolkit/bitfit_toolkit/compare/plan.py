"""Plan of a comparison: which methods, on how much data, how often."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.options import TrainOptions
from bitfit_toolkit.training.steps import auto_steps

DEFAULT_METHODS: Final = ("full", "bitfit", "q,m2", "random", "head", "lora")
FEWEST_ROWS: Final = 10
STEPS, TIME, BEST = "steps", "time", "best"
BUDGETS: Final = (STEPS, TIME, BEST)
TIME_SHARE: Final = 3 / 5  # of full fine-tuning's, of a step that trains biases alone
MOST_STEPS: Final = 2000  # of a method that looks for its own best number


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compare. `sizes` are numbers of training examples, 0 for all of them.

    A run takes `options.num_train_epochs` epochs, but at least `steps` steps, so that few examples are seen often
    enough. `budgets` say by what methods are compared: equal `steps`; equal `time`, in which biases take 5/3 of the
    steps; and each at its own `best` number of steps, doubled up to 2,000 for as long as the metric on the rows held
    out rises. Terms, seed, learning rate and steps of `options` are the comparison's own to choose.
    """

    methods: tuple[str, ...] = DEFAULT_METHODS
    sizes: tuple[int, ...] = (0,)
    seeds: int = 3
    steps: int = 250
    budgets: tuple[str, ...] = (STEPS,)
    options: TrainOptions = field(default_factory=lambda: TrainOptions(num_train_epochs=4))

    def check(self, rows: int) -> None:
        """Raise TrainingError where the plan cannot be carried out with so many training rows."""
        self.options.check()
        for problem in self._problems(rows):
            raise TrainingError(f"{problem}; change the option and try again")

    def steps_for(self, size: int) -> int:
        """Return how many steps a run on `size` training examples takes."""
        options = self.options
        if isinstance(options.num_train_epochs, str):
            return max(self.steps, auto_steps(options, size))
        return max(self.steps, round(options.num_train_epochs * size / options.per_device_train_batch_size))

    def steps_in_time(self, size: int, biases_alone: bool) -> int:
        """Return how many steps a method takes in the time of full fine-tuning's `steps_for`."""
        return round(self.steps_for(size) / TIME_SHARE) if biases_alone else self.steps_for(size)

    def _problems(self, rows: int) -> Iterator[str]:
        if self.seeds < 1:
            yield f"`seeds` should be at least 1, found {self.seeds}"
        if not self.methods:
            yield "`methods` should name at least one method, found none"
        unknown = [budget for budget in self.budgets if budget not in BUDGETS]
        if unknown or not self.budgets:
            found = ", ".join(unknown) or "nothing"
            yield f"`budgets` should be among {', '.join(BUDGETS)}, found {found}"
        if not self.sizes or min(self.sizes) < 0:
            yield f"`sizes` should be 0 (all) or more, found {self.sizes}"
        if rows < FEWEST_ROWS:
            yield f"a comparison needs at least {FEWEST_ROWS} training rows, found {rows}"
