"""Which encoding a pack is written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Engine, Pack, PackInfo
from bitfit_runtime.formats.pack_encoding import ENCODINGS, encode
from bitfit_runtime.formats.pack_file import serialize
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example
from bitfit_toolkit.training.evaluation import engine_answers
from bitfit_toolkit.training.options import AUTO, TrainOptions

REFERENCE = "float32"


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen pack with its metrics, its answers to the examples, and each tried encoding's figures."""

    pack: Pack
    answers: list[Any]
    tried: dict[str, dict[str, float]]


def choose_encoding(
    values: Mapping[str, npt.NDArray[np.float32]],
    info: PackInfo,
    engine: Engine,
    examples: Sequence[Example],
    options: TrainOptions,
) -> Choice:
    """Encode `values`, measure the pack in the engine, and leave it installed there as `options.task`.

    With `auto`, encodings are tried from the smallest on, until one is at most `tolerance` worse than float32.
    """
    manifest, defaults = engine.base.manifest, engine.base.default_biases
    terms = {spec.term for spec in manifest.biases if spec.name in values}
    kind = TRAINABLE_TASKS[info.task_type]
    metric = options.metric or kind.metric_names[0]
    tried: dict[str, dict[str, float]] = {}

    def measure(encoding: str) -> Choice:
        chosen = replace(info, terms=tuple(term for term in info.terms if term in terms), encoding=encoding)
        pack = Pack(chosen, encode(values, defaults, manifest, encoding))
        engine.install(options.task, pack)
        answers = engine_answers(engine, options.task, examples)
        measured = replace(pack, info=replace(chosen, metrics=kind.metrics(examples, answers)))
        tried[encoding] = {metric: measured.info.metrics[metric], "bytes": len(serialize(measured))}
        return Choice(measured, answers, tried)

    if options.encoding != AUTO:
        return measure(options.encoding)
    reference = measure(REFERENCE)
    enough = reference.pack.info.metrics[metric] - options.tolerance
    for encoding in ENCODINGS:
        if encoding != REFERENCE:
            choice = measure(encoding)
            if choice.pack.info.metrics[metric] >= enough:
                return choice
    engine.install(options.task, reference.pack)
    return reference
