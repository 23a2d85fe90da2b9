"""A run of auto steps goes on, in further rounds, while it answers its own rows hardly better than new ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitfit_runtime import Base, read_pack
from bitfit_toolkit import Example, TrainOptions, train
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training import recovery, steps, underfit
from bitfit_toolkit.training.rate_choice import RateChoice
from bitfit_toolkit.training.recovery import Attempts
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.shared import RunConfig, train_shared
from bitfit_toolkit.training.steps import rounds_of
from bitfit_toolkit.training.trainer import fit
from bitfit_toolkit.training.underfit import RISE, checked_metric
from support.command_line import ROWS

EXAMPLES = [Example(text, None, label) for text, label in ROWS]
NUMBERS = [Example(text, None, 10.0 * len(text)) for text, _ in ROWS]
OPTIONS = TrainOptions(encoding="float32", decisions="none")


@pytest.fixture(params=("underfit", "rising"))
def hungry(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Runs of six steps, which never learn enough, or never cease to rise."""
    monkeypatch.setattr(steps, "FEWEST_STEPS", 6)
    monkeypatch.setattr(steps, "SEEN", 1)
    rising = request.param == "rising"
    for name in ("GAIN", "RISE"):
        monkeypatch.setattr(recovery, name, -2.0 if rising else 2.0)
    monkeypatch.setattr(underfit, "LEARNED", 0.0 if rising else 2.0)
    monkeypatch.setattr(underfit, "AHEAD", 2.0)


def values(base: Base, path: Path) -> dict[str, np.ndarray]:
    return read_pack(path).decode(base.manifest, base.default_biases)


@pytest.mark.parametrize(
    ("options", "rows", "rounds"),
    (
        (OPTIONS, 100, 4),
        (OPTIONS, 1000, 4),
        (replace(OPTIONS, task_type="token-classification"), 1000, 2),
        (OPTIONS, 5000, 1),
        (replace(OPTIONS, max_steps=250), 100, 1),
        (replace(OPTIONS, num_train_epochs=3), 100, 1),
        (replace(OPTIONS, early_stopping_patience=2), 100, 1),
    ),
)
def test_short_runs_of_auto_steps_may_have_further_rounds(options: TrainOptions, rows: int, rounds: int) -> None:
    assert rounds_of(options, rows) == rounds


@pytest.mark.usefixtures("hungry")
def test_a_run_that_learned_little_goes_on_and_says_so(base: Base, tmp_path: Path) -> None:
    report = train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", replace(OPTIONS, report=tmp_path / "report"))
    assert report.steps == 24
    (note,) = (note for note in report.notes if "training went on" in note)
    assert "24 in all; --steps 6 ends it there" in note
    assert max(point.step for point in report.curve) == 24
    once = train(base, EXAMPLES, EXAMPLES, tmp_path / "once", replace(OPTIONS, max_steps=6))
    assert once.steps == 6 and "training went on" not in " ".join(once.notes)


def test_a_run_that_learned_its_rows_ends(base: Base, tmp_path: Path) -> None:
    report = train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", OPTIONS)
    assert (report.steps, report.learned) == (250, 1.0)


@pytest.mark.usefixtures("hungry")
@pytest.mark.parametrize("task_type", ["classification", "regression"])
def test_a_run_killed_in_a_further_round_ends_where_an_uninterrupted_one_does(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task_type: str
) -> None:
    rows = EXAMPLES if task_type == "classification" else NUMBERS
    options = replace(OPTIONS, task_type=task_type)
    train(base, rows, rows, tmp_path / "whole", options)
    kept, forget = tmp_path / "checkpoints", recovery.forget
    watched = replace(options, checkpoints=kept)

    def killed(*given: object) -> None:
        if (kept / "begun.safetensors").exists():  # in the second round, after its checkpoints
            raise KeyboardInterrupt
        forget(*given)

    monkeypatch.setattr(recovery, "forget", killed)
    with pytest.raises(KeyboardInterrupt):
        train(base, rows, rows, tmp_path / "resumed", watched)
    monkeypatch.setattr(recovery, "forget", forget)
    report = train(base, rows, rows, tmp_path / "resumed", replace(watched, resume_from_checkpoint=True))
    assert report.steps == 24
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()
    if task_type == "classification":
        others = [replace(row, label=f"{row.label}{index % 2}") for index, row in enumerate(rows)]
        with pytest.raises(TrainingError, match="of another run: labels"):
            train(base, others, others, tmp_path / "again", replace(watched, resume_from_checkpoint=True))
    (kept / "begun.safetensors").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="what round 4 began with"):
        train(base, rows, rows, tmp_path / "again", replace(watched, resume_from_checkpoint=True))


@pytest.mark.usefixtures("hungry")
@pytest.mark.parametrize("task_type", ["classification", "regression"])
def test_runs_in_company_go_on_as_they_do_alone(base: Base, tmp_path: Path, task_type: str) -> None:
    rows = EXAMPLES if task_type == "classification" else NUMBERS
    both = [replace(OPTIONS, task=f"task-{seed}", task_type=task_type, seed=seed) for seed in (0, 1)]
    configs = [RunConfig(rows, rows, tmp_path / f"{one.seed}-together", one) for one in both]
    reports = list(train_shared(base, configs, at_once=2))
    assert [report.steps for report in reports] == [24, 24]
    for one in both:
        train(base, rows, rows, tmp_path / f"{one.seed}-alone", one)
        alone, together = (values(base, tmp_path / f"{one.seed}-{how}") for how in ("alone", "together"))
        for name, value in alone.items():
            assert np.linalg.norm(together[name] - value) <= 1e-3 * np.linalg.norm(value), name


@pytest.mark.usefixtures("hungry")
def test_a_further_round_that_collapses_leaves_the_one_before(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.start(base, EXAMPLES, replace(OPTIONS, max_steps=6))
    data = run.prepare(EXAMPLES)
    attempts = Attempts(run, data, data, RateChoice(1.0), rounds=4)
    before = run.model.tensors()
    assert attempts.another(0.0) and attempts.number == 2
    run.model.load_tensors({name: np.zeros_like(value) for name, value in before.items()})
    monkeypatch.setattr(recovery, "collapsed", lambda *given: True)
    assert not attempts.another() and attempts.number == 1
    assert all((run.model.tensors()[name] == value).all() for name, value in before.items())


def test_a_run_that_still_rises_goes_on_and_so_it_does_after_a_further_round_that_pays(base: Base) -> None:
    run = Run.start(base, EXAMPLES, replace(OPTIONS, max_steps=40))
    data = run.prepare(EXAMPLES)
    begun = checked_metric(run, data)
    attempts = Attempts(run, data, data, RateChoice(1.0), rounds=4)
    assert attempts.another(begun - RISE) and attempts.number == 2
    fitted = fit(run, data, data, 1.0, halfway=True)
    learned, new = run.model.tensors(), checked_metric(run, data)
    assert new == 1.0 and fitted.halfway is not None and begun <= fitted.halfway <= new
    assert attempts.another(new) and attempts.number == 3  # it rose by what the round gave
    assert not attempts.another(new) and attempts.number == 3
    assert all((run.model.tensors()[name] == value).all() for name, value in learned.items())
