"""Leaves out of a pack what exact algebra can put elsewhere."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bitfit_runtime.formats.manifest import Manifest

Float32 = npt.NDArray[np.float32]


def fold(
    values: Mapping[str, Float32],
    defaults: Mapping[str, Float32],
    weights: Mapping[str, Float32],
    base: Manifest,
) -> dict[str, Float32]:
    """Return `values` without the biases whose moves another trained bias can carry, and with those moves added there.

    A value bias that moved by Δ moves the attention output by W_o Δ, `weights` being `[output, input]` by the name of
    their layer. The base says which terms fold (`foldable_terms`); a term folds only where its target is trained.
    """
    places = {(spec.term, spec.layer): spec.name for spec in base.biases}
    folded = dict(values)
    for spec in base.biases:
        target = places.get((base.foldable_terms.get(spec.term, ""), spec.layer), "")
        if spec.name in values and target in values:
            weight = weights[target.removesuffix("bias") + "weight"].astype(np.float64)
            move = values[spec.name].astype(np.float64) - defaults[spec.name]
            folded[target] = (folded[target] + weight @ move).astype(np.float32)
            del folded[spec.name]
    return folded
