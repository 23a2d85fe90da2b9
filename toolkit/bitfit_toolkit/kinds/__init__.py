"""Task types: labels, targets, losses and metrics."""

from collections.abc import Mapping

from bitfit_toolkit.kinds.kind import Kind
from bitfit_toolkit.kinds.labelled import Classification, MultiLabel
from bitfit_toolkit.kinds.marked import SpanExtraction, TokenClassification
from bitfit_toolkit.kinds.numbers import Regression, Similarity

KINDS: Mapping[str, type[Kind]] = {
    kind.task_type: kind
    for kind in (Classification, MultiLabel, Regression, TokenClassification, SpanExtraction, Similarity)
}

__all__ = ["KINDS", "Kind"]
