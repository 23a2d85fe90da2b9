"""Fitting of decisions, on numbers alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitfit_toolkit.decisions.acceptance import fit_acceptance
from bitfit_toolkit.decisions.calibration import calibration_error, perfect_error
from bitfit_toolkit.decisions.temperature import HIGHEST, LOWEST, Choices, fit_temperature
from bitfit_toolkit.decisions.thresholds import fit_thresholds


def drawn(temperature: float, rows: int = 4000, classes: int = 4) -> Choices:
    """Choices whose right classes are drawn with the probabilities of that temperature."""
    generator = np.random.default_rng(0)
    logits = 3 * generator.standard_normal((rows, classes))
    chances = np.exp(logits / temperature)
    chances /= chances.sum(1, keepdims=True)
    return Choices(logits, (chances.cumsum(1) < generator.random((rows, 1))).sum(1).clip(max=classes - 1))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_which_classes_were_drawn_is_found_and_calibrates(temperature: float) -> None:
    choices = drawn(temperature)
    found = fit_temperature(choices)
    assert found == pytest.approx(temperature, rel=0.1)
    confidences, right = choices.certainty(found)
    assert calibration_error(confidences, right) <= perfect_error(confidences) + 0.01
    around = [choices.surprise(found * factor) for factor in (0.9, 1, 1.1)]
    assert min(around) == around[1]


def test_extreme_choices_have_a_temperature_within_bounds() -> None:
    logits = np.array([[5.0, 0.0]] * 20)
    assert fit_temperature(Choices(logits, np.zeros(20, np.int64))) == pytest.approx(LOWEST)
    assert fit_temperature(Choices(logits, np.ones(20, np.int64))) == pytest.approx(HIGHEST)


def test_choices_of_different_widths_go_together() -> None:
    parts = [
        (np.array([[1, 2, 3]], np.float32), np.array([2])),
        (np.zeros((0, 1), np.float32), np.zeros(0, np.int64)),
        (np.array([[2, 1], [0, 5]], np.float32), np.array([0, 1])),
    ]
    choices = Choices.of(parts)
    assert len(choices) == 3 and choices.logits[1].tolist() == [2, 1, -np.inf]
    each = [Choices(logits.astype(np.float64), targets).surprise(1.5) for logits, targets in parts if len(targets)]
    assert choices.surprise(1.5) == pytest.approx((each[0] + 2 * each[1]) / 3)
    assert len(Choices.of([])) == 0


def profile(kind: str, rows: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and whether each is right: as it says, more often wrong than it says, or one in twenty wrong."""
    said = 0.5 + 0.5 * generator.beta(3, 0.8, rows)
    true = {"calibrated": said, "boastful": said**2, "flat": np.full(rows, 0.949)}[kind]
    return said, generator.random(rows) < true


@pytest.mark.parametrize("kind", ["calibrated", "boastful", "flat"])
@pytest.mark.parametrize("rows", [150, 600])
def test_more_of_the_accepted_are_wrong_than_allowed_in_less_than_a_tenth_of_the_fits(kind: str, rows: int) -> None:
    generator = np.random.default_rng(rows)
    fresh, right = profile(kind, 40_000, generator)
    failed, covered = 0, 0.0
    for _ in range(250):
        found = fit_acceptance(*profile(kind, rows, generator), 0.05, rows)
        if found is not None:
            accepted = fresh >= found.threshold
            truly = 0.051 if kind == "flat" else float((~right[accepted]).mean())
            failed += truly > 0.05
            covered += accepted.mean()
    assert failed / 250 <= 0.1 + 2 * (0.09 / 250) ** 0.5
    if kind == "calibrated" and rows == 600:
        assert covered / 250 > 0.3


def test_nothing_is_accepted_where_rows_are_too_few_or_answers_too_often_wrong() -> None:
    sure = np.linspace(0.9, 1, 40)
    assert fit_acceptance(sure, np.ones(40, bool), 0.05, 40) is None  # 45 without a mistake would show it
    found = fit_acceptance(np.linspace(0.9, 1, 45), np.ones(45, bool), 0.05, 90)
    assert found is not None and (found.threshold, found.coverage, found.max_error) == (0.9, 0.5, 0.05)
    assert fit_acceptance(np.linspace(0.5, 1, 400), np.arange(400) % 3 > 0, 0.05, 400) is None
    assert fit_acceptance(np.zeros(0), np.zeros(0, bool), 0.05, 100) is None
    for tiny in (1e-17, 1e-320):  # of which 1 − tiny is 1
        assert fit_acceptance(sure, np.ones(40, bool), tiny, 40) is None


def test_equal_probabilities_are_accepted_together_or_not_at_all() -> None:
    probabilities = np.repeat([0.99, 0.8], [60, 60])
    right = np.repeat([True, False], [60, 60])
    found = fit_acceptance(probabilities, right, 0.05, 120)
    assert found is not None and found.coverage == 0.5 and 0.8 < found.threshold <= 0.99
    assert fit_acceptance(np.full(100, 0.9), np.arange(100) % 2 > 0, 0.05, 100) is None


def test_thresholds_follow_rows_and_are_neutral_without_any() -> None:
    generator = np.random.default_rng(0)
    present = generator.random((2000, 3)) < np.array([0.3, 0.3, 0.0])
    centre = np.where(present, 0.35, 0.1)  # of both: between 0.35 and 0.1 lies the best threshold
    probabilities = np.clip(centre + 0.03 * generator.standard_normal(centre.shape), 0, 1)
    found = fit_thresholds(probabilities, present)
    assert 0.15 < found[0] < 0.3 and found[2] == 0.5
    few = fit_thresholds(probabilities[:8], present[:8])
    assert abs(few[0] - 0.5) < abs(found[0] - 0.5)


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 4), st.integers(0, 1000))
def test_thresholds_are_probabilities(rows: int, labels: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.choice([0.0, 0.2, 0.5, 1.0], (rows, labels))
    found = fit_thresholds(probabilities, generator.random((rows, labels)) < 0.4)
    assert len(found) == labels and all(0 <= threshold <= 1 for threshold in found)
