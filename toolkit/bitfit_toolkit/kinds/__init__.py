"""Task types: labels, targets, losses and metrics."""

from collections.abc import Mapping

from bitfit_runtime.contract import CLASSIFICATION, EMBEDDING, MULTI_LABEL, REGRESSION, SPAN, TOKENS
from bitfit_toolkit.kinds.kind import Kind
from bitfit_toolkit.kinds.labelled import Classification, MultiLabel
from bitfit_toolkit.kinds.marked import SpanExtraction, TokenClassification
from bitfit_toolkit.kinds.numbers import Regression, Similarity

KINDS: Mapping[str, type[Kind]] = {
    CLASSIFICATION: Classification,
    MULTI_LABEL: MultiLabel,
    REGRESSION: Regression,
    TOKENS: TokenClassification,
    SPAN: SpanExtraction,
    EMBEDDING: Similarity,
}

__all__ = ["KINDS", "Kind"]
