"""Protocol of a comparison: what is held out, which rate each method gets, how often it runs."""

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Engine
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.compare.cells import Cell, CellFile
from bitfit_toolkit.compare.methods import LADDER, Method, bias_count, method
from bitfit_toolkit.compare.plan import BEST, MOST_STEPS, STEPS, TIME, Plan
from bitfit_toolkit.compare.ranking import area_under_roc
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.training.collapse import collapsed
from bitfit_toolkit.training.evaluation import engine_answers
from bitfit_toolkit.training.model import first_layer, resolve_terms
from bitfit_toolkit.training.option_spec import option_specs
from bitfit_toolkit.training.options import AUTO, TrainOptions
from bitfit_toolkit.training.pack_encoding import choose_encoding
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.starts import settle_start
from bitfit_toolkit.training.train import check_data
from bitfit_toolkit.training.trainer import fit

MOST_HELD_OUT = 500
MOST_FURTHER_RATES = 2
# Options that a comparison chooses or that a cell names, and those that change none of its figures.
NAMED = ("task", "terms", "from_layer", "seed", "learning_rate", "max_steps", "num_train_epochs")
IDLE = ("device", "checkpoints", "resume_from_checkpoint", "tensorboard", "report", "card", "decisions", "max_error")
FLOAT16_BYTES, INDEX_BYTES = 2, 4


class Comparison:
    """Runs every cell of a plan for one task that the file does not have yet.

    A fifth of the training rows, at most 500, is held out first, the same for all. Each method tries its learning
    rates with seed 0, further ones while the best is at the edge, and keeps the one that is best on those rows for all
    seeds. A seed also draws the training rows. `reference` is a float32 base of the same checkpoint, from which
    methods that leave no pack start. Raises TrainingError when the plan does not fit the base or the rows, DataError
    when the evaluation's labels are not those of the training rows.
    """

    def __init__(
        self,
        base: Base,
        train_examples: Sequence[Example],
        eval_examples: Sequence[Example],
        plan: Plan,
        cells: CellFile,
        reference: Base | None = None,
    ) -> None:
        plan.check(len(train_examples))
        check_data(base, train_examples, eval_examples, plan.options)
        self._methods = _with_something_to_learn(plan)
        for chosen in self._methods:
            resolve_terms(chosen.terms, base.manifest, 0 if isinstance(chosen.from_layer, str) else chosen.from_layer)
        self._base, self._reference, self._plan, self._file = base, reference, plan, cells
        self._all, self._evaluation = train_examples, eval_examples
        self._digests = {  # by whether a method starts from the reference
            on_reference: _digest(start, train_examples, eval_examples, plan.options)
            for on_reference, start in ((False, (base,)), (True, (base, reference or base)))
        }
        order = random.Random(0).sample(range(len(train_examples)), len(train_examples))
        count = min(MOST_HELD_OUT, len(order) // 5)
        self._held_out = [train_examples[i] for i in order[:count]]
        self._pool = [train_examples[i] for i in order[count:]]
        self._engine = Engine(base, threads=torch.get_num_threads())

    @property
    def own_cells(self) -> list[Cell]:
        """The cells of the file that are of this task, base, data and options; there may be others."""
        digests = (None, *self._digests.values())
        task = self._plan.options.task
        return [cell for cell in self._file.cells if cell.task == task and cell.comparison in digests]

    def run(self, notify: Callable[[Cell], None] = lambda cell: None) -> None:
        """Run the missing cells; `notify` is told of each as it is written."""
        for size in self._plan.sizes:
            for chosen in self._methods:
                for cell in self._budgets(chosen, min(size or len(self._pool), len(self._pool))):
                    self._file.add(cell)
                    notify(cell)

    def cells(
        self, name: str, size: int, steps: int, seeds: Sequence[int], rates: Sequence[float] | None = None
    ) -> Iterator[Cell]:
        """Run the missing cells of one method in so many steps, and yield each as it is written.

        Of given `rates`, rather than those that the method tunes, seed 0 tries each, and other seeds take its best.
        """
        chosen, size = method(name), min(size or len(self._pool), len(self._pool))
        tried = self._tune(chosen, size, steps)
        if rates is not None:
            tried = self._missing(chosen, size, steps, [(0, rate) for rate in rates])
        for cell in tried:
            self._file.add(cell)
            yield cell
        best = self._tuned(chosen, size, steps).learning_rate
        for cell in self._missing(chosen, size, steps, [(seed, best) for seed in seeds if seed]):
            self._file.add(cell)
            yield cell

    def _budgets(self, chosen: Method, size: int) -> Iterator[Cell]:
        """Yield the missing cells of each budget; where two give the same number of steps, they are the same cells."""
        steps, budgets = self._plan.steps_for(size), self._plan.budgets
        if STEPS in budgets:
            yield from self._cells(chosen, size, steps)
        if TIME in budgets:
            yield from self._cells(chosen, size, self._plan.steps_in_time(size, chosen.trains_biases_alone))
        if BEST in budgets:
            yield from self._best(chosen, size, steps)

    def _best(self, chosen: Method, size: int, steps: int) -> Iterator[Cell]:
        """Double the steps, each time with rates of their own, until that is no better; then yield the other seeds."""
        yield from self._tune(chosen, size, steps)
        while 2 * steps <= MOST_STEPS:
            before = self._tuned(chosen, size, steps).held_out
            yield from self._tune(chosen, size, 2 * steps)
            if self._tuned(chosen, size, 2 * steps).held_out <= before:
                break
            steps *= 2
        yield from self._cells(chosen, size, steps)

    def _cells(self, chosen: Method, size: int, steps: int) -> Iterator[Cell]:
        """Yield missing cells: rates with seed 0, then the other seeds with the best."""
        yield from self._tune(chosen, size, steps)
        best = self._tuned(chosen, size, steps).learning_rate
        yield from self._missing(chosen, size, steps, [(seed, best) for seed in range(1, self._plan.seeds)])

    def _tune(self, chosen: Method, size: int, steps: int) -> Iterator[Cell]:
        """Yield missing cells of seed 0, with rates until the best has neighbours."""
        rates = list(chosen.rates)
        for _ in range(MOST_FURTHER_RATES + 1):
            yield from self._missing(chosen, size, steps, [(0, rate) for rate in rates])
            rates = neighbours(self._tuned(chosen, size, steps).learning_rate)

    def _tuned(self, chosen: Method, size: int, steps: int) -> Cell:
        """Return the cell of seed 0 that is best on the rows held out."""
        return max((c for c in self._done(chosen, size, steps) if c.seed == 0), key=lambda cell: cell.held_out)

    def _missing(self, chosen: Method, size: int, steps: int, wanted: Sequence[tuple[int, float]]) -> Iterator[Cell]:
        present = {(cell.seed, cell.learning_rate) for cell in self._done(chosen, size, steps)}
        for seed, rate in wanted:
            if (seed, rate) not in present:
                yield self._cell(chosen, size, steps, seed, rate)

    def _done(self, chosen: Method, size: int, steps: int) -> list[Cell]:
        key = (chosen.name, chosen.measured, size, steps)
        return [c for c in self.own_cells if (c.method, c.measured, c.examples, c.steps) == key]

    def _cell(self, chosen: Method, size: int, steps: int, seed: int, rate: float) -> Cell:
        """Train once, and measure on the rows held out and on the evaluation."""
        began = time.perf_counter()
        rows = random.Random(seed).sample(self._pool, size)
        options = replace(self._plan.options, terms=chosen.terms, from_layer=chosen.from_layer, seed=seed)
        run = self._start(
            chosen, rows, replace(options, learning_rate=AUTO if chosen.measured else rate, max_steps=steps)
        )
        options = run.options
        if chosen.choose is not None:
            chosen.choose(run, seed)
        learns = [p.numel() for p in run.model.encoder.parameters() if p.requires_grad]
        encoder = bias_count(self._base.manifest) if chosen.name == "random" else sum(learns)
        head = run.model.head_parameters
        train, held_out, evaluation = map(run.prepare, (rows, self._held_out, self._evaluation))
        fit(run, train, held_out, rate)
        engine, encoding = None, None
        size_in_bytes = FLOAT16_BYTES * (encoder + head) + INDEX_BYTES * encoder * (chosen.name == "random")
        held_out_metric, answers = run.metrics(held_out)[run.metric], run.answers(evaluation)
        in_torch = run.task.metrics(self._evaluation, answers)[run.metric]
        if chosen.packs:
            encoded = choose_encoding(run, self._engine, self._held_out)
            encoding = encoded.pack.info.encoding
            size_in_bytes = encoded.tried[encoding].bytes
            answers = engine_answers(self._engine, options.task, self._evaluation)
            engine = run.task.metrics(self._evaluation, answers)[run.metric]
        return Cell(
            task=options.task,
            method=chosen.name,
            examples=size,
            steps=steps,
            seed=seed,
            learning_rate=rate,
            metric=run.metric,
            held_out=held_out_metric,
            torch=in_torch,
            engine=engine,
            encoder_parameters=encoder,
            head_parameters=head,
            bytes=size_in_bytes,
            seconds=time.perf_counter() - began,
            from_layer=first_layer(options),
            measured=chosen.measured,
            auc=area_under_roc(self._evaluation, answers),
            collapsed=collapsed(run, train, steps),
            encoding=encoding,
            comparison=self._digests[chosen.on_reference],
        )

    def _start(self, chosen: Method, rows: Sequence[Example], options: TrainOptions) -> Run:
        """Return the run of a cell, whose first layer is chosen on its own training rows where that is auto."""
        start = self._reference if chosen.on_reference and self._reference else self._base
        encoder = rebuild_encoder(start)
        settled, _ = settle_start(self._base, rows, options, encoder, self._all)
        return Run.start(self._base, self._all, settled, encoder)


def _with_something_to_learn(plan: Plan) -> list[Method]:
    """Return the plan's methods, without the head alone where the task type has none. Raises TrainingError of none."""
    has_head = TASK_TYPES[plan.options.task_type].has_head
    found = [chosen for chosen in map(method, plan.methods) if has_head or chosen.name != "head"]
    if not found:
        raise TrainingError(
            f"the method head has nothing to learn, a {plan.options.task_type} task has no head; name another method"
        )
    return found


def _digest(
    start: Sequence[Base], train: Sequence[Example], evaluation: Sequence[Example], options: TrainOptions
) -> str:
    """Return the digest of what decides a cell beside its method, its rate, its size, its steps and its seed.

    Options that a run may change when it goes on came late: at their default they leave digests what they were.
    """
    specs = [spec for spec in option_specs(type(options)).values() if spec.name not in (*NAMED, *IDLE)]
    own = ((spec, getattr(options, spec.name)) for spec in specs if not spec.hidden)
    kept = [(spec.name, value) for spec, value in own if not spec.resumable or value != spec.default]
    bases = [base.manifest.digest for base in start]
    return hashlib.sha256(repr((bases, list(train), list(evaluation), kept)).encode()).hexdigest()[:16]


def neighbours(rate: float) -> list[float]:
    """Return the learning rates next to one on the ladder, both sides where there are two."""
    index = min(range(len(LADDER)), key=lambda i: abs(LADDER[i] - rate))
    return [*LADDER[max(0, index - 1) : index], *LADDER[index + 1 : index + 2]]
