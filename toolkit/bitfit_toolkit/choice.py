"""Which encoding a pack is written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Engine, Pack, PackInfo
from bitfit_runtime.encoding import ENCODINGS, encode
from bitfit_runtime.pack_file import serialize
from bitfit_toolkit.evaluation import metrics, predict_labels
from bitfit_toolkit.examples import Example
from bitfit_toolkit.options import TrainOptions

AUTO = "auto"
REFERENCE = "float32"
METRIC = "accuracy"


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen pack with its metrics, its label for each example, and the figures of each encoding that was tried."""

    pack: Pack
    labels: list[str]
    tried: dict[str, dict[str, float]]


def choose_encoding(
    values: Mapping[str, npt.NDArray[np.float32]],
    info: PackInfo,
    engine: Engine,
    examples: Sequence[Example],
    options: TrainOptions,
) -> Choice:
    """Encode `values`, measure the pack in the engine, and leave it installed there as `options.task`.

    With `auto`, encodings are tried from the smallest on, until one is at most `tolerance` less accurate than float32.
    """
    manifest, defaults = engine.base.manifest, engine.base.default_biases
    terms = {spec.term for spec in manifest.biases if spec.name in values}
    expected = [example.label or "" for example in examples]
    tried: dict[str, dict[str, float]] = {}

    def measure(encoding: str) -> Choice:
        chosen = replace(info, terms=tuple(term for term in info.terms if term in terms), encoding=encoding)
        pack = Pack(chosen, encode(values, defaults, manifest, encoding))
        engine.install(options.task, pack)
        found = predict_labels(engine, options.task, examples)
        measured = replace(pack, info=replace(chosen, metrics=metrics(expected, found)))
        tried[encoding] = {METRIC: measured.info.metrics[METRIC], "bytes": len(serialize(measured))}
        return Choice(measured, found, tried)

    if options.encoding != AUTO:
        return measure(options.encoding)
    reference = measure(REFERENCE)
    for encoding in ENCODINGS:
        if encoding != REFERENCE:
            choice = measure(encoding)
            if choice.pack.info.metrics[METRIC] >= reference.pack.info.metrics[METRIC] - options.tolerance:
                return choice
    engine.install(options.task, reference.pack)
    return reference
