"""Decisions: what a pack says of acting on its answers, fitted on rows that it did not learn from.

A temperature makes probabilities as sure as they are right (Guo et al., 2017, arXiv:1706.04599); answers are accepted
from a probability on, above which few of them were wrong; a text may be unlike all that the pack learned from.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acceptance:
    """From which probability on answers are accepted: from `threshold`.

    Of the accepted ones at most a share `max_error` is wrong, as far as rows like the held ones go; of those a share
    `coverage` was accepted.
    """

    threshold: float
    max_error: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Outliers:
    """From which outlier score on a text counts as none of the classes: above `threshold`.

    Of the held rows, which are of the classes, a share `false_alarms` is above it. `space` is what the pack has class
    centres of, `logits` or `pooled`; in the first `weight` says what nearness to a centre counts beside certainty.
    """

    threshold: float
    false_alarms: float
    space: str
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Decisions:
    """What `rows` held rows told of a pack's answers.

    Logits are divided by `temperature` before they become probabilities. `thresholds` has for each label of a
    multi-label task the probability from which on it is chosen; None is one half for all. Without `acceptance` nothing
    is known to be right often enough, without `outliers` texts have no outlier score.
    """

    rows: int
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    acceptance: Acceptance | None = None
    outliers: Outliers | None = None

    def accepts(self, probability: float, outlier: float | None = None) -> bool | None:
        """Whether to accept an answer of that probability and outlier score; None where nothing decides it."""
        if self.outliers is not None and outlier is not None and outlier > self.outliers.threshold:
            return False
        return None if self.acceptance is None else probability >= self.acceptance.threshold
