"""Folders of SetFit: a body that equals the base's source, and a linear head."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bitfit_exporters.model_files import read_object
from bitfit_exporters.model_source import MODULES_FILE
from bitfit_exporters.sentence_settings import read_sentence_settings
from bitfit_runtime import Base
from bitfit_runtime.arguments import as_path
from bitfit_toolkit.convert.estimators import from_sklearn, read_estimator
from bitfit_toolkit.convert.packing import Converted, Naming, opened
from bitfit_toolkit.convert.source import check_same_weights
from bitfit_toolkit.convert.tensors import checkpoint_tensors, sort_tensors
from bitfit_toolkit.errors import ConversionError

HEAD: Final = "model_head.pkl"
CONFIG: Final = "config_setfit.json"
# How the notes begin that change no answer: a head is scaled for lengths, and SetFit asks with no prompt but a default.
HARMLESS: Final = ("vectors are not scaled to length 1", "the model has prompts")


def from_setfit(
    folder: str | Path,
    base: Base | str | Path,
    naming: Naming | None = None,
    texts: Sequence[str] | None = None,
    trust_pickle: bool = False,
) -> Converted:
    """Return the head-only pack of a SetFit model whose body was not tuned.

    SetFit keeps heads as pickles, which run code: `trust_pickle` says that this one may. `texts` are needed where the
    model scales vectors to length 1. Raises ConversionError.
    """
    folder, base, naming = as_path(folder, "folder"), opened(base), naming or Naming()
    if not (folder / HEAD).is_file():
        raise ConversionError(f"{folder} holds no {HEAD}; give the folder that SetFit's save_pretrained wrote")
    _check_vectors(folder, base)
    _check_body(folder, base)
    config = read_object(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    normalized = bool(config.get("normalize_embeddings")) or _normalizes(folder)
    if normalized and texts is None:
        raise ConversionError(
            f"{folder} scales vectors to length 1, which packs do not; give texts like those to answer, by which the "
            "head is scaled"
        )
    labels = config.get("labels")
    if naming.labels is None and isinstance(labels, list) and labels:
        naming = replace(naming, labels=tuple(map(str, labels)))
    estimator = read_estimator(folder / HEAD, trust_pickle)
    if hasattr(estimator, "state_dict"):
        raise ConversionError(f"{folder} has a head in torch (SetFitHead); train it with scikit-learn's, the default")
    return from_sklearn(estimator, base, naming, texts if normalized else None)


def _check_vectors(folder: Path, base: Base) -> None:
    """Raise ConversionError unless the folder makes vectors of hidden states as the base does, up to their length."""
    settings = read_sentence_settings(folder)
    other = next((note for note in settings.notes if not note.startswith(HARMLESS)), None)
    if other is None and settings.pooling is None and (folder / MODULES_FILE).is_file():
        other = f"{MODULES_FILE} names no pooling"
    if other is not None:
        raise ConversionError(
            f"{folder}: its head reads other vectors than a base gives ({other}); fit a head on those of Engine.embed"
        )
    if settings.pooling is not None and settings.pooling != base.manifest.pooling:
        raise ConversionError(
            f"{folder} pools by {settings.pooling}, the base by {base.manifest.pooling}; export the base with that"
        )


def _check_body(folder: Path, base: Base) -> None:
    """Raise ConversionError unless the folder's encoder is the base's."""
    found = sort_tensors(base, checkpoint_tensors(folder))
    try:
        check_same_weights(base, found.weights, str(folder))
    except ConversionError as error:
        raise ConversionError(f"the body was tuned, and its head means nothing on another: {error}") from None
    defaults = base.default_biases
    if any(name in defaults and (value != defaults[name]).any() for name, value in found.biases.items()):
        raise ConversionError(
            f"{folder}: the body's biases were tuned, and its head means nothing on another; export it"
        )


def _normalizes(folder: Path) -> bool:
    modules = folder / MODULES_FILE
    return modules.is_file() and "Normalize" in modules.read_text(encoding="utf-8")
