"""Training of one pack: from labelled examples to a file that was measured in the engine that ships."""

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Engine, Pack, write_pack
from bitfit_runtime.arguments import as_path, instance
from bitfit_runtime.canary import make_canary
from bitfit_runtime.files import destination
from bitfit_runtime.request import Found
from bitfit_toolkit.cards.facts import TrainingFacts, write_facts
from bitfit_toolkit.data import Columns, Data
from bitfit_toolkit.decisions.fit import decide, too_few
from bitfit_toolkit.decisions.held import HeldRows
from bitfit_toolkit.decisions.report import DecisionReport
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.reports.data_notes import data_notes
from bitfit_toolkit.reports.folder import check_report, write_report
from bitfit_toolkit.reports.lines import report_lines
from bitfit_toolkit.reports.review import Review
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.checkpoints import resume_notes
from bitfit_toolkit.training.curve import CurvePoint
from bitfit_toolkit.training.cut import Cut
from bitfit_toolkit.training.distributed import on_first_process
from bitfit_toolkit.training.model import first_layer, resolve_terms
from bitfit_toolkit.training.options import AUTO, DEFAULTS, TrainOptions
from bitfit_toolkit.training.pack_encoding import EncodedPack, Trial, choose_encoding, same_share
from bitfit_toolkit.training.rate_choice import RateChoice, choose_multiple
from bitfit_toolkit.training.recovery import Outcome, fit_surely
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.run_data import read_data
from bitfit_toolkit.training.starts import StartChoice, settle_start
from bitfit_toolkit.training.steps import rounds_of, settle_steps, steps_of
from bitfit_toolkit.training.task_data import TaskData
from bitfit_toolkit.training.trunk import Trunks
from bitfit_toolkit.training.underfit import checked_metric, underfit_notes


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What one training run came to. `engine` and `torch` are metrics of the written pack on the evaluation examples.

    `metric` names the deciding one; `learned` is that of at most 256 training rows. `agreement` is the share of
    examples that both answer alike, None where answers are numbers. `encodings_tried` maps each encoding that was
    measured to its metric in the engine, its bytes, and the share of its answers that are as in float32. `cut`
    counts what the length limit cut off of the examples for `train` and `evaluation`; `notes` say what a user
    should know. `rate` is how learning rates auto were chosen. `from_layer` is the first layer of `layers` that
    learned; `start` says how it was chosen where it was auto. `review` is of the engine's answers to the evaluation
    examples; `curve` is empty without the option `report`.
    `decisions` says what the pack decides, None where it does not; metrics of labels chosen by thresholds are crossed.
    """

    task: str
    task_type: str
    learning_rate: float | str
    rate: RateChoice | None
    steps: int
    seed: int
    metric: str
    label_count: int
    pack: str
    pack_bytes: int
    encoding: str
    encodings_tried: dict[str, Trial]
    trained_parameters: int
    head_parameters: int
    engine: dict[str, float]
    torch: dict[str, float]
    agreement: float | None
    learned: float
    seconds: float
    cut: dict[str, Cut]
    notes: tuple[str, ...]
    from_layer: int
    layers: int
    start: StartChoice | None
    review: Review
    curve: tuple[CurvePoint, ...]
    decisions: DecisionReport | None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        tried = {
            name: {self.metric: trial.value, "bytes": trial.bytes, "agreement": trial.agreement}
            for name, trial in self.encodings_tried.items()
        }
        return asdict(self) | {"encodings_tried": tried, "difference": self.difference}

    @property
    def difference(self) -> float:
        """The metric in the engine less that in torch."""
        return self.engine[self.metric] - self.torch[self.metric]


def train(
    base: str | Path | Base,
    train: Data,
    evaluation: Data | None,
    output: str | Path,
    options: TrainOptions = DEFAULTS,
    columns: Columns | None = None,
) -> TrainReport:
    """Train the chosen biases and a head, write the pack to `output`, and measure the written pack on `evaluation`.

    `train` and `evaluation` are what `load_examples` takes: a path, examples, mappings, a `datasets.Dataset`, a data
    frame; `columns` gives the names of their columns where those are unusual. Without `evaluation` a fifth of the
    training rows is held out in its place. An earlier pack at `output` is replaced
    only by a finished one. Under `torchrun` all processes train, the first one writes, and all return its report.
    Raises TrainingError, DataError, BaseError, PackError.
    """
    began = time.perf_counter()
    instance(options, "options", TrainOptions, "a TrainOptions")
    options.check()
    data = read_data(train, evaluation, columns or Columns(), options)
    resuming = resume_notes(options)
    examples, held_out = data.train, data.evaluation
    base = base if isinstance(base, Base) else Base.open(base)
    check_output(output)
    if options.report is not None:
        check_report(options.report)
    check_data(base, examples, held_out, options)
    encoder = rebuild_encoder(base)
    rounds = rounds_of(options, len(examples))
    options, start = settle_start(base, examples, settle_steps(options, len(examples)), encoder)
    trunks = Trunks(encoder, base.manifest, [first_layer(options)])
    rate = choose_multiple(base, examples, options, encoder, trunks)
    run = Run.start(base, examples, options, encoder, trunks)
    train_data, eval_data = run.prepare(examples), run.prepare(held_out)
    notes = (*data.notes, *resuming, *data_notes(run.task, examples, held_out))
    learned = Learned.of(run, train_data, began, notes, start)
    learned = replace(learned, rows=data.rows).ended(fit_surely(run, train_data, eval_data, rate, rounds))
    prepared = (train_data, eval_data)
    return on_first_process(
        lambda: conclude(run, Engine(run.base, threads=torch.get_num_threads()), prepared, output, learned)
    )


@dataclass(frozen=True, slots=True)
class Learned:
    """What a report says of a run before its pack is made: since when, by `time.perf_counter`, and from what.

    `steps` are those of a run that does not stop early. `start` is how the first layer was chosen, where it was, and
    `rate` the learning rates; `curve` is how the run learned, where that was watched. `rows` are as in `RunData`.
    """

    began: float
    steps: int
    cut: Cut
    notes: tuple[str, ...]
    start: StartChoice | None
    rate: RateChoice | None = None
    curve: tuple[CurvePoint, ...] = ()
    rows: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls, run: Run, data: TaskData, began: float, notes: Sequence[str], start: StartChoice | None = None
    ) -> "Learned":
        """Count what was cut of the training examples. Raises TrainingError where nothing is left to learn."""
        cut = Cut.of(run.task, data)
        cut.check_left(run.limit)
        notes = (*notes, *cut.notes("training", run.limit), *(start.notes() if start else ()))
        return cls(began, steps_of(run.options, len(data.items)), cut, tuple(dict.fromkeys(notes)), start)

    def ended(self, outcome: Outcome) -> "Learned":
        """Return this of a run that has ended."""
        rate, steps, notes = outcome.choice, self.steps * outcome.rounds, [*self.notes]
        notes += rate.notes() if rate else ()
        if outcome.rounds > 1:
            notes.append(
                f"after {self.steps:,} steps there was more to learn, so training went on, for {steps:,} in all; "
                f"--steps {self.steps} ends it there"
            )
        if outcome.stopped is not None:
            steps, kept = outcome.stopped.steps, outcome.stopped.kept
            notes.append(f"training ended after {steps:,} of {self.steps:,} steps; kept is what it was after {kept:,}")
        return replace(self, steps=steps, rate=rate, curve=outcome.curve, notes=tuple(notes))


def conclude(
    run: Run, engine: Engine, data: tuple[TaskData, TaskData], output: str | Path, learned: Learned
) -> TrainReport:
    """Pack what a finished run learned from the first of `data`, measure the pack on the other, and write it.

    Raises PackError on what no pack can hold.
    """
    base, model, options, (train_data, evaluation) = run.base, run.model, run.options, data
    encoded = choose_encoding(run, engine, evaluation.examples)
    model.load_tensors({**base.default_biases, **encoded.pack.decode(base.manifest, base.default_biases)})
    packed = Packed.of(run, engine, encoded, train_data, evaluation)
    pack = make_canary(engine, packed.pack)
    path = write_pack(pack, output)
    cut = Cut.of(run.task, evaluation)
    own = checked_metric(run, train_data)
    underfit = underfit_notes(run, own, pack.info.metrics[run.metric], learned.steps)
    judgements = run.task.judge(evaluation.examples, packed.in_engine)
    report = TrainReport(
        task=options.task,
        task_type=options.task_type,
        learning_rate=options.learning_rate,
        rate=learned.rate,
        steps=learned.steps,
        seed=options.seed,
        metric=run.metric,
        label_count=len(run.task.labels),
        pack=str(path),
        pack_bytes=path.stat().st_size,
        encoding=pack.info.encoding,
        encodings_tried=encoded.tried,
        trained_parameters=model.bias_parameters,
        head_parameters=model.head_parameters,
        engine=dict(pack.info.metrics),
        torch=run.task.metrics(evaluation.examples, packed.in_torch),
        agreement=same_share(run.task, packed.in_engine, packed.in_torch),
        learned=own,
        seconds=time.perf_counter() - learned.began,
        cut={"train": learned.cut, "evaluation": cut},
        notes=(*learned.notes, *cut.notes("evaluation", run.limit), *run_notes(run), *packed.notes, *underfit),
        from_layer=pack.info.from_layer,
        layers=base.manifest.layers,
        start=learned.start,
        decisions=packed.decisions,
        review=Review.of(evaluation.examples, judgements, learned.rows),
        curve=learned.curve,
    )
    if options.card:
        write_facts(TrainingFacts.of(report, options), path)
    if options.report is not None:
        lines = report_lines(report)
        write_report(options.report, report.as_dict(), report.review, judgements, report.metric, report.curve, lines)
    return report


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A pack with its decisions, and the answers to the evaluation rows that its metrics are of."""

    pack: Pack
    in_engine: list[Any]
    in_torch: list[Any]
    decisions: DecisionReport | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, run: Run, engine: Engine, encoded: EncodedPack, train: TaskData, evaluation: TaskData) -> "Packed":
        """Fit the decisions of an encoded pack, which the engine has under its task's name.

        Answers are then by decisions that were fitted on other rows.
        """
        pack, options = encoded.pack, run.options
        wanted = options.decisions == AUTO
        found = decide(engine, pack, evaluation, train.examples, options.max_error) if wanted else None
        notes = too_few(pack.info, len(evaluation.examples)) if wanted else ()
        if found is None:
            return cls(pack, encoded.answers, run.answers(evaluation), None, notes)
        metrics = run.task.metrics(evaluation.examples, found.answers)
        outputs = tuple(Found(output) for output in run.outputs(evaluation.items))
        in_torch = found.folds.answers(HeldRows(pack.info, evaluation, outputs), None)
        measured = replace(found.pack, info=replace(found.pack.info, metrics=metrics))
        return cls(measured, found.answers, in_torch, found.report, notes)


def run_notes(run: Run) -> tuple[str, ...]:
    """Return what a user should know of the layers below the first that learned, and of the pack it began with."""
    return tuple(note for part in (run.preprocessor.trunk, run.starting) if part is not None for note in part.notes)


def check_data(base: Base, examples: Sequence[Example], evaluation: Sequence[Example], options: TrainOptions) -> None:
    """Raise TrainingError or DataError on options and examples that do not go together, before anything is trained."""
    start = 0 if isinstance(options.from_layer, str) else options.from_layer
    resolve_terms(options.terms, base.manifest, start)
    task = TRAINABLE_TASKS[options.task_type](examples)
    task.check_labels(evaluation, task.labels)
    for example in (*examples, *evaluation):
        task.inputs(example)


def check_output(output: str | Path) -> None:
    """Raise TrainingError where no pack can be written, before a run is spent on it."""
    path = as_path(output, "output")
    try:
        target = destination(path).absolute()
        folder = next(parent for parent in target.parents if parent.exists())
        fits = folder.is_dir() and os.access(folder, os.W_OK)
    except OSError:
        fits = False
    if not fits or not target.name:
        raise TrainingError(f"a pack cannot be written to {path}; name a file in a folder that can be written")
