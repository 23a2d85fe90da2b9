"""Packing of a finished model: which biases a pack keeps, and in which encoding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Base, Engine, Pack
from bitfit_runtime.formats import ENCODINGS, Manifest, encode, serialize
from bitfit_runtime.formats.schema import TRANSITIONS
from bitfit_runtime.transitions import LEARNED
from bitfit_toolkit.tasks import Example
from bitfit_toolkit.tasks.base import TrainableTask
from bitfit_toolkit.training.bootstrap import is_as_good
from bitfit_toolkit.training.evaluation import engine_answers
from bitfit_toolkit.training.model import BitfitModel
from bitfit_toolkit.training.options import AUTO
from bitfit_toolkit.training.run import Run

Float32 = npt.NDArray[np.float32]
REFERENCE: Final = "float32"
COARSE: Final = ("int3", "int4")
# By auto; int2 cost more on new rows than those held out could tell (docs/decisions/packs.md).
TRIED: Final = tuple(name for name in ENCODINGS if name not in (REFERENCE, "int2"))
# Of the answers, that must stay as in float32 for a coarse encoding. What costs a point or two on new rows shows in the
# answers of some hundred rows, if not in their metric (docs/accuracy.md, pack size).
STAYS: Final = 0.95
# Standard errors that an encoding may be behind. Eight bits are exact to 0.4 %: where they are behind, rounding of
# activations made float32 lucky more often than it made them worse.
COARSE_ERRORS, FINE_ERRORS = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What one encoding came to: the deciding metric in the engine, and the size of the pack.

    `agreement` is the share of answers that are as in float32, None where that is not known or answers are numbers.
    """

    value: float
    bytes: int
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class EncodedPack:
    """The chosen pack with its metrics, its answers to the examples, and each encoding that was tried, by name."""

    pack: Pack
    answers: list[Any]
    tried: dict[str, Trial]


def choose_encoding(run: Run, engine: Engine, examples: Sequence[Example]) -> EncodedPack:
    """Pack what the run's finished model learned, measure it in the engine, and leave it installed as the run's task.

    With `encoding` auto, the smallest from int3 on is taken that is as good as float32: at most `tolerance` worse, or
    by no more than one standard error of the difference, of eight bits and float16 two. Codes of three and four bits
    must leave 95 % of the answers as they are, too.
    """
    manifest, defaults, options = engine.base.manifest, engine.base.default_biases, run.options
    values = pack_tensors(run.model, run.base)
    kept = {spec.term for spec in manifest.biases if spec.name in values}
    terms = tuple(term for term in run.info.terms if term in kept)
    tried: dict[str, Trial] = {}

    def measure(encoding: str) -> EncodedPack:
        info = replace(run.info, terms=terms, encoding=encoding)
        pack = Pack(info, encode(values, defaults, manifest, encoding) | _scores(run))
        engine.install(options.task, pack)
        answers = engine_answers(engine, options.task, examples)
        measured = replace(pack, info=replace(info, metrics=run.task.metrics(examples, answers)))
        tried[encoding] = Trial(measured.info.metrics[run.metric], len(serialize(measured)))
        return EncodedPack(measured, answers, tried)

    if options.encoding != AUTO:
        return measure(options.encoding)
    reference = measure(REFERENCE)
    for encoding in TRIED:
        chosen = measure(encoding)
        agreement = same_share(run.task, chosen.answers, reference.answers)
        tried[encoding] = replace(tried[encoding], agreement=agreement)
        stays = encoding not in COARSE or agreement is None or agreement >= STAYS
        if stays and _holds(run, examples, chosen, reference.answers):
            return chosen
    engine.install(options.task, reference.pack)
    return reference


def same_share(task: TrainableTask[Any, Any], answers: Sequence[Any], others: Sequence[Any]) -> float | None:
    """Return the share of answers that agree with others to the same examples; None where answers are numbers."""
    same = [task.agree(one, other) for one, other in zip(answers, others, strict=True)]
    return None if None in same else float(np.mean([bool(one) for one in same]))


def _holds(run: Run, examples: Sequence[Example], chosen: EncodedPack, reference: Sequence[Any]) -> bool:
    """Whether a pack's answers are as good as those of the reference, as far as the examples can tell."""

    def values(rows: Sequence[int]) -> tuple[float, float]:
        some = [examples[row] for row in rows]
        one, other = (
            run.task.metrics(some, [given[row] for row in rows])[run.metric] for given in (chosen.answers, reference)
        )
        return one, other

    errors = COARSE_ERRORS if chosen.pack.info.encoding in COARSE else FINE_ERRORS
    return is_as_good(values, len(examples), run.options.tolerance, run.options.seed, errors)


def _scores(run: Run) -> dict[str, npt.NDArray[Any]]:
    """Return the tensor of learned transitions, where the pack has one."""
    scores = run.transitions
    if scores is None or run.info.transitions != LEARNED:
        return {}
    return {TRANSITIONS: scores.ravel().astype(np.float16)}


def pack_tensors(model: BitfitModel, base: Base) -> dict[str, Float32]:
    """Return what a pack keeps of a finished model: trained biases, folded where possible, and the head."""
    encoder = model.encoder.named_parameters()
    weights = {name: p.detach().float().cpu().numpy() for name, p in encoder if p.ndim == 2}
    return fold(model.tensors(), base.default_biases, weights, base.manifest)


def fold(
    values: Mapping[str, Float32], defaults: Mapping[str, Float32], weights: Mapping[str, Float32], base: Manifest
) -> dict[str, Float32]:
    """Return `values` without the biases whose deltas another trained bias can carry, those deltas added there.

    A value bias that differs by Δ changes the attention output by W_o Δ, `weights` being `[output, input]` by the name
    of their layer. The base says which terms fold (`foldable_terms`); a term folds only where its target is trained.
    """
    names = {(spec.term, spec.layer): spec.name for spec in base.biases}
    folded = dict(values)
    for spec in base.biases:
        target = names.get((base.foldable_terms.get(spec.term, ""), spec.layer), "")
        if spec.name in values and target in values:
            weight = weights[target.removesuffix("bias") + "weight"].astype(np.float64)
            delta = values[spec.name].astype(np.float64) - defaults[spec.name]
            with np.errstate(over="ignore", invalid="ignore"):  # what diverged is refused where the pack is written
                folded[target] = (folded[target] + weight @ delta).astype(np.float32)
            del folded[spec.name]
    return folded
