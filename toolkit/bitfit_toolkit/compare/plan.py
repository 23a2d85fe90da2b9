"""Plan of a comparison: which methods, on how much data, how often."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.options import TrainOptions
from bitfit_toolkit.training.steps import auto_steps

DEFAULT_METHODS: Final = ("full", "bitfit", "q,m2", "random", "head", "lora")
FEWEST_ROWS: Final = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compare. `sizes` are numbers of training examples, 0 for all of them.

    A run takes `options.num_train_epochs` epochs, but at least `steps` steps, so that few examples are seen often
    enough. Terms, seed, learning rate and steps of `options` are the comparison's own to choose.
    """

    methods: tuple[str, ...] = DEFAULT_METHODS
    sizes: tuple[int, ...] = (0,)
    seeds: int = 3
    steps: int = 250
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

    def _problems(self, rows: int) -> Iterator[str]:
        if self.seeds < 1:
            yield f"`seeds` should be at least 1, found {self.seeds}"
        if not self.methods:
            yield "`methods` should name at least one method, found none"
        if not self.sizes or min(self.sizes) < 0:
            yield f"`sizes` should be 0 (all) or more, found {self.sizes}"
        if rows < FEWEST_ROWS:
            yield f"a comparison needs at least {FEWEST_ROWS} training rows, found {rows}"
