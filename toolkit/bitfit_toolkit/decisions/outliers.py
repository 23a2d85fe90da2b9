"""Class centres, and the threshold above which a text is unlike all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime import PackInfo
from bitfit_runtime.decisions import Outliers
from bitfit_runtime.formats.pack_encoding import decode_centres, encode_centres
from bitfit_runtime.graph import LOGITS
from bitfit_runtime.outliers import direction, outlier_score, unsureness
from bitfit_runtime.request import Found
from bitfit_toolkit.decisions.held import outlier_space
from bitfit_toolkit.tasks import Example

Float32 = npt.NDArray[np.float32]
FALSE_ALARMS: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Class centres as a pack stores them, and as they are read again."""

    space: str
    stored: npt.NDArray[Any]
    values: Float32


def fit_centres(info: PackInfo, examples: Sequence[Example], found: Sequence[Found]) -> Centres:
    """Return the mean direction of each label's training rows, coded as it ships; of a label without rows it is 0."""
    space = outlier_space(info)
    directions = [direction(one.values if space == LOGITS else _pooled(one), space) for one in found]
    sums = np.zeros((len(info.labels), len(directions[0])))
    index = {label: place for place, label in enumerate(info.labels)}
    for example, own in zip(examples, directions, strict=True):
        sums[index[str(example.label)]] += own
    stored = encode_centres(sums.astype(np.float32))
    return Centres(space, stored, decode_centres(stored, *sums.shape))


def fit_outliers(centres: Centres, found: Sequence[Found], temperature: float) -> Outliers:
    """Return the threshold above which `FALSE_ALARMS` of the held rows are, which are of the classes.

    Of logits, nearness to a centre counts as much as certainty: both vary alike over the held rows.
    """
    weight = 0.0
    if centres.space == LOGITS:
        unsure = np.std([unsureness(one.values, temperature) for one in found])
        near = np.std([(centres.values @ direction(one.values, LOGITS)).max() for one in found])
        weight = float(np.clip(unsure / max(near, 1e-6), 0, 1e6))
    outliers = Outliers(0.0, 0.0, centres.space, weight)
    scores = np.array([outlier_score(outliers, centres.values, one.values, one.pooled, temperature) for one in found])
    threshold = float(np.quantile(scores, 1 - FALSE_ALARMS, method="higher"))
    return Outliers(threshold, float((scores > threshold).mean()), centres.space, weight)


def _pooled(found: Found) -> Float32:
    assert found.pooled is not None
    return found.pooled
