"""Linear estimators that were fitted on a base's vectors, as packs that hold a head alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bitfit_runtime import Base, Engine
from bitfit_runtime.arguments import as_path
from bitfit_runtime.errors import MissingExtraError, first_line
from bitfit_toolkit.convert.linear import LinearHead, linear_head_of, probed
from bitfit_toolkit.convert.packing import UNMEASURED, Converted, Naming, label_names, make_pack, opened
from bitfit_toolkit.errors import ConversionError

MARGINS = "its probabilities are a softmax of what the estimator calls margins: its labels are the estimator's"


def from_sklearn(
    estimator: Any,
    base: Base | str | Path,
    naming: Naming | None = None,
    normalized_texts: Sequence[str] | None = None,
) -> Converted:
    """Return the head-only pack of a linear estimator that was fitted on `Engine(base).embed(texts)`.

    Where it was fitted on vectors of length 1, give `normalized_texts`, such as its training texts: a pack's vectors
    keep their length, and the middle one of these texts is what the head is scaled by. Raises ConversionError.
    """
    base, naming, notes = opened(base), naming or Naming(), list[str]()
    head = linear_head_of(estimator)
    width = base.manifest.hidden_size
    if head.weight.shape[1] != width:
        raise ConversionError(
            f"the estimator was fitted on vectors of {head.weight.shape[1]} numbers, the base's have {width}; give the "
            "base that it was fitted on"
        )
    head = probed(head, estimator)
    if normalized_texts is not None:
        head, note = _for_lengths(head, base, normalized_texts)
        notes.append(note)
    if not head.exact:
        notes.append(MARGINS)
    task_type = naming.task_type or head.task_type
    if task_type != head.task_type:
        raise ConversionError(f"the estimator is of type {head.task_type}, not {task_type}; leave the type out")
    labels = head.labels if task_type == "regression" else label_names(len(head.bias), naming, head.labels, task_type)
    numbers = head.weight.astype(np.float32), head.bias.astype(np.float32)
    return Converted(make_pack(base, {}, numbers, task_type, labels, naming), (*notes, UNMEASURED))


def _for_lengths(head: LinearHead, base: Base, texts: Sequence[str]) -> tuple[LinearHead, str]:
    """Return the head for vectors as long as those of `texts`, and a note on how much these differ."""
    if isinstance(texts, str) or not texts:
        raise ConversionError("`normalized_texts` should be texts like those to answer, at least one")
    lengths = np.linalg.norm(Engine(base, threads=1).embed(list(texts)), axis=1)
    middle, spread = float(np.median(lengths)), float(np.std(lengths) / np.mean(lengths))
    return head.scaled(1 / middle), (
        f"the head was fitted on vectors of length 1, a pack's are about {middle:.3g} long (± {spread:.1%}): it is "
        f"scaled for that, and {_what_lengths_change(head)}"
    )


def _what_lengths_change(head: LinearHead) -> str:
    """Return which answers of a head differ where a vector's length is not the one that it was scaled for."""
    if head.task_type == "regression":
        return "numbers differ as far as lengths do"
    # The largest output stays the largest beside equal biases; a label of a set stays on its side of 0 without one.
    exact = not (np.ptp(head.bias) if head.task_type == "classification" else head.bias.any())
    return "answers near the border may differ" + " (labels are exact: the head has no biases)" * exact


def read_estimator(path: str | Path, trust_pickle: bool = False) -> Any:
    """Read an estimator from a file of skops, or of joblib and pickle where their code may run.

    Raises ConversionError.
    """
    path = as_path(path, "path")
    if not path.is_file():
        raise ConversionError(f"no file at {path}; give a fitted estimator in a file of skops or joblib")
    if path.suffix == ".skops":
        return _read_skops(path)
    if not trust_pickle:
        raise ConversionError(
            f"{path} is a pickle, which runs whatever code its writer put there; save it with skops, or allow it "
            "(--trust-pickle) if you made it yourself"
        )
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:  # a pickle may raise anything
        raise ConversionError(f"{path} cannot be read ({first_line(error)}); save it with this scikit-learn") from None


def _read_skops(path: Path) -> Any:
    try:
        from skops import io
    except ModuleNotFoundError:
        raise MissingExtraError(f"{path} needs the package skops; run: pip install skops") from None
    try:
        return io.load(path)
    except Exception as error:  # of types that are not trusted, and of broken files
        raise ConversionError(f"{path} cannot be read ({first_line(error)}); give a linear estimator alone") from None
