"""Training without a rate or steps to choose: rates by what a bias moves, steps by rows, a race, and restarts."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from bitfit_exporters.read_back import rebuild_encoder
from bitfit_runtime import Base, Prediction
from bitfit_runtime.graph import LOGITS, POOLED, TOKEN_LOGITS
from bitfit_toolkit import Example, TrainOptions, load_examples, train
from bitfit_toolkit.tasks import TRAINABLE_TASKS
from bitfit_toolkit.training.collapse import collapsed
from bitfit_toolkit.training.rate_choice import RateChoice, RateTrial, best_multiple, choose_multiple
from bitfit_toolkit.training.rates import Rates, measure, rates_for, share, spread
from bitfit_toolkit.training.recovery import Attempts, fit_surely
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.steps import auto_steps, settle_steps, steps_of
from bitfit_toolkit.training.underfit import underfit_notes
from support.command_line import ROWS
from support.examples import rows_of

EXAMPLES = [Example(text, None, label) for text, label in ROWS]
MANY = [Example(f"{text} {number}", None, label) for number in range(26) for text, label in ROWS]
OPTIONS = TrainOptions(encoding="float32")


@pytest.mark.parametrize(
    ("task_type", "rows", "batch", "steps"),
    [
        ("classification", 20, 16, 250),
        ("classification", 1000, 16, 632),
        ("classification", 1000, 64, 250),
        ("token-classification", 1000, 16, 1265),
        ("regression", 100_000, 16, 6325),
        ("classification", 10_000_000, 16, 20_000),
    ],
)
def test_steps_grow_as_the_root_of_the_rows(task_type: str, rows: int, batch: int, steps: int) -> None:
    options = TrainOptions(task_type=task_type, per_device_train_batch_size=batch)
    assert auto_steps(options, rows) == steps_of(options, rows) == settle_steps(options, rows).max_steps == steps


def test_steps_that_are_given_stay() -> None:
    assert steps_of(TrainOptions(max_steps=3), 1000) == 3
    assert steps_of(TrainOptions(num_train_epochs=1.5, per_device_train_batch_size=10), 95) == 15
    assert settle_steps(TrainOptions(num_train_epochs=2), 1000).max_steps is None


def test_a_size_is_that_of_most_units_over_tokens_that_are_there() -> None:
    values = torch.zeros(2, 3, 5)
    values[:, :2] = torch.tensor([1.0, -1.0]).view(2, 1, 1)
    values[:, :2, 4] *= 1000  # one unit is far larger than the rest
    values[:, 2] = 99.0  # padding
    mask = torch.tensor([[1, 1, 0], [1, 1, 0]])
    assert spread(values, mask) == pytest.approx(1.0)


def test_a_rate_is_a_share_of_what_the_bias_moves(base: Base) -> None:
    run = Run.start(base, EXAMPLES, replace(OPTIONS, from_layer=0))
    items = run.prepare(EXAMPLES).items
    sizes, rates, larger = measure(run, items), rates_for(run, items), rates_for(run, items, 3.0)
    assert {rate.bias for rate in rates.biases} == run.model.biases == sizes.biases.keys()
    for rate, other in zip(rates.biases, larger.biases, strict=True):
        assert rate.value == pytest.approx(share(rate.term, LOGITS) * sizes.biases[rate.bias])
        assert other.value == pytest.approx(3 * rate.value)
    assert share("q", LOGITS) > share("m2", LOGITS) > share("LN1", LOGITS) == share("m3", LOGITS)
    for output in (TOKEN_LOGITS, POOLED):
        assert share("q", output) == share("m2", output) > share("m3", output)
    assert larger.head == pytest.approx(3 * rates.head)
    alone = rates_for(Run.start(base, EXAMPLES, replace(OPTIONS, terms="none")), items)
    assert not alone.biases and alone.head == pytest.approx(3 * rates.head, rel=0.5)


def test_every_parameter_that_learns_has_the_rate_of_its_bias(base: Base) -> None:
    run = Run.start(base, EXAMPLES, OPTIONS)
    rates = rates_for(run, run.prepare(EXAMPLES).items)
    biases = dict(run.model.encoder.named_parameters())
    assert run.model.head is not None
    given = {
        id(p): group["lr"] for group in rates.groups(biases, list(run.model.head.parameters())) for p in group["params"]
    }
    expected = {id(biases[rate.bias]): rate.value for rate in rates.biases}
    expected |= {id(p): rates.head for p in run.model.head.parameters()}
    assert given == expected
    common = Rates.common(run, 0.5)
    assert {rate.value for rate in common.biases} == {common.head} == {0.5}


def trial(multiple: float, value: float | None, behind: float = 0.0, error: float = 0.0) -> RateTrial:
    return RateTrial(multiple, value, behind, error)


@pytest.mark.parametrize(
    ("trials", "chosen"),
    [
        ((trial(0.3, 0.5, 0.2, 0.1), trial(1, 0.69, 0.01, 0.02), trial(3, 0.7)), 1),
        ((trial(0.3, 0.5, 0.2, 0.1), trial(1, 0.6, 0.1, 0.02), trial(3, 0.7)), 3),
        ((trial(0.3, 0.7), trial(1, 0.5, 0.2, 0.02), trial(3, None)), 0.3),
        ((trial(0.3, 0.7), trial(1, None), trial(3, None)), 0.3),
        ((trial(0.3, 0.7), trial(1, 0.5, 0.2, 0.1), trial(3, 0.7)), 0.3),
        ((trial(0.3, None), trial(1, None), trial(3, None)), 0.3),
        ((trial(0.3, 0.0), trial(1, 0.0), trial(3, 0.0)), 1),
    ],
)
def test_a_race_is_won_by_one_standard_error(trials: Sequence[RateTrial], chosen: float) -> None:
    assert best_multiple(trials) == chosen


def test_a_race_is_run_where_there_are_rows_to_decide_by(base: Base) -> None:
    encoder, options = rebuild_encoder(base), replace(OPTIONS, max_steps=160)
    choice = choose_multiple(base, MANY, options, encoder)
    assert choice is not None and [one.multiple for one in choice.trials] == [1 / 3, 1.0]
    assert choice.multiple == best_multiple(choice.trials) and choice.held_out >= 100
    parameters = dict(encoder.named_parameters())
    for name, value in base.default_biases.items():
        assert np.array_equal(parameters[name].detach().numpy(), value), name
    assert choose_multiple(base, EXAMPLES, options, encoder) == RateChoice(1.0, len(EXAMPLES) // 4)
    assert choose_multiple(base, MANY, replace(options, learning_rate=0.1), encoder) is None


def predictions(*labels: str) -> list[Any]:
    return [Prediction("t", ("a", "b"), (0.9, 0.1) if label == "a" else (0.1, 0.9)) for label in labels]


def test_one_label_for_all_is_a_collapse_unless_the_examples_have_it_too() -> None:
    task = TRAINABLE_TASKS["classification"]
    mixed = [Example("x", None, label) for label in "aaab"]
    assert task.collapsed(mixed, predictions(*"aaaa"))
    assert not task.collapsed(mixed, predictions(*"aaba"))
    rare = [Example("x", None, label) for label in "a" * 199 + "b"]
    assert not task.collapsed(rare, predictions(*"a" * 200))


@pytest.mark.parametrize("task_type", ["multi-label", "regression", "token-classification", "embedding"])
def test_a_model_of_zeros_has_collapsed_whatever_its_type(base: Base, task_type: str) -> None:
    rows = load_examples(rows_of(task_type), task_type=task_type)
    options = replace(OPTIONS, task_type=task_type, max_length=64)
    run = Run.start(base, rows, options)
    data = run.prepare(rows)
    if run.model.head is None:  # vectors of all texts alike
        run.model.load_tensors({name: value * np.float32(np.nan) for name, value in run.model.tensors().items()})
    else:
        run.model.load_tensors({name: np.zeros_like(v) for name, v in run.model.tensors().items() if "head" in name})
    assert collapsed(run, data, steps=250)
    assert not collapsed(run, data, steps=10)


def test_a_run_that_collapses_begins_anew_at_a_third(base: Base, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    run = Run.start(base, EXAMPLES, replace(OPTIONS, max_steps=60, checkpoints=folder))
    data = run.prepare(EXAMPLES)
    choice = fit_surely(run, data, data, RateChoice(300.0)).choice
    assert choice is not None and choice.recovered and choice.collapsed
    assert choice.multiple == pytest.approx(choice.collapsed[-1] / 3)
    assert not collapsed(run, data, 60) and "one answer for all at × 300" in choice.notes()[0]
    again = replace(run, options=replace(run.options, resume_from_checkpoint=True))
    resumed = choose_multiple(base, MANY, again.options, run.model.encoder)
    assert resumed == RateChoice(choice.multiple, collapsed=choice.collapsed)
    attempts, first = Attempts(again, data, data, resumed), load_file(folder / "first.safetensors")
    assert all((attempts.stage.first[name] == value).all() for name, value in first.items()) and first


def test_where_every_attempt_collapses_the_first_is_kept_and_said(base: Base, tmp_path: Path) -> None:
    run = Run.start(base, EXAMPLES, replace(OPTIONS, max_steps=60))
    data = run.prepare(EXAMPLES)
    choice = fit_surely(run, data, data, RateChoice(1e6)).choice
    assert choice is not None and not choice.recovered and choice.multiple == 1e6
    assert len(choice.collapsed) == 4 and "look at labels" in choice.notes()[0]


def test_a_rate_that_is_given_is_taken_as_it_is_and_auto_learns(base: Base, tmp_path: Path) -> None:
    short = replace(OPTIONS, max_steps=60)
    given, auto = (
        train(base, EXAMPLES, EXAMPLES, tmp_path / "pack", replace(short, learning_rate=rate)) for rate in (3.0, "auto")
    )
    assert given.engine["accuracy"] == 0.5 and given.rate is None
    assert auto.engine["accuracy"] == 1.0 and auto.rate == RateChoice(1.0, 4)
    assert (given.steps, auto.steps) == (60, 60)


def test_a_run_that_learned_little_of_its_own_rows_says_so(base: Base, tmp_path: Path) -> None:
    short = train(base, EXAMPLES, EXAMPLES, tmp_path / "short", replace(OPTIONS, max_steps=1))
    long = train(base, EXAMPLES, EXAMPLES, tmp_path / "long", replace(OPTIONS, max_steps=200))
    assert short.learned < 0.95 < long.learned == long.torch["accuracy"]
    assert "try --steps 2" in " ".join(short.notes) and "did not teach" not in " ".join(long.notes)


@pytest.mark.parametrize(
    ("learned", "new", "said"),
    [(0.7, 0.65, True), (0.7, 0.5, False), (0.96, 0.94, False), (0.93, 0.84, True), (0.6, 0.7, True)],
)
def test_rows_far_ahead_of_new_ones_were_not_learned_too_little(
    base: Base, learned: float, new: float, said: bool
) -> None:
    run = Run.start(base, EXAMPLES, OPTIONS)
    assert bool(tuple(underfit_notes(run, learned, new, 100))) is said
    alone = Run.start(base, EXAMPLES, replace(OPTIONS, terms="none"))
    assert not tuple(underfit_notes(alone, learned, new, 100))
