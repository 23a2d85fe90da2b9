"""The packs of the vectors: every task type in every encoding, and one of everything else that a pack may say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from bitfit_runtime import Base, Engine, Pack, PackInfo
from bitfit_runtime.canary import make_canary
from bitfit_runtime.decisions import Acceptance, Decisions, Outliers
from bitfit_runtime.formats import ENCODINGS, encode
from bitfit_runtime.formats.pack import Windows
from bitfit_runtime.formats.pack_encoding import encode_centres
from bitfit_runtime.formats.schema import CENTRES, TRANSITIONS
from bitfit_runtime.tasks import TASK_TYPES

TAGS: Final = ("O", "B-PLACE", "I-PLACE", "B-NAME", "I-NAME")
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "classification": ("news", "sport", "weather", "köche"),
    "multi-label": ("red", "green", "blue"),
    "regression": ("value",),
    "token-classification": TAGS,
    "span": ("start", "end"),
    "embedding": (),
}
CREATED_BY: Final = "bitfit-edge vectors"
STRENGTH: Final = 0.1  # of deltas
WINDOWED: Final[Mapping[str, Any]] = {"max_length": 16}
CALM: Final = Decisions(80, 0.7, acceptance=Acceptance(0.6, 0.1, 0.5))


def decided(space: str, weight: float, threshold: float, **others: Any) -> Decisions:
    """Return decisions that tell outliers."""
    return Decisions(80, 1.7, outliers=Outliers(threshold, 0.05, space, weight), **others)


@dataclass(frozen=True, slots=True)
class Kind:
    """A pack: its name, task type, encoding, and fields of its own."""

    name: str
    task_type: str
    encoding: str = "int4"
    info: Mapping[str, Any] = field(default_factory=dict)
    terms: tuple[str, ...] | None = None
    canary: bool = True


def pack_kinds() -> Iterator[Kind]:
    """Yield them."""
    for task_type in TASK_TYPES:
        for encoding in ENCODINGS:
            yield Kind(f"{task_type}-{encoding}", task_type, encoding)
    for layer in (1, 2, 3):
        yield Kind(f"classification-from-{layer}", "classification", info={"from_layer": layer})
    yield Kind("classification-two-terms", "classification", "int8", terms=("q", "m2"))
    yield Kind("classification-head", "classification", "float16", terms=())
    yield Kind("embedding-from-2", "embedding", "int3", {"from_layer": 2})
    for task_type, how in TASK_TYPES.items():
        for join in how.joins:
            windows = {"windows": Windows(join, 4, 5), **WINDOWED}
            yield Kind(f"{task_type}-windows-{join}", task_type, info=windows)
    yield from _deciding()
    tags = "token-classification"
    yield Kind(f"{tags}-legal", tags, info={"transitions": "legal"})
    yield Kind(f"{tags}-learned", tags, info={"transitions": "learned"})
    yield Kind(f"{tags}-mean", tags, info={"words": "mean"})
    whole = {"words": "mean", "transitions": "learned", "windows": Windows("offsets", 6, 3), "from_layer": 1}
    yield Kind(f"{tags}-whole", tags, "int8", whole | WINDOWED)
    for task_type in ("classification", tags):
        yield Kind(f"{task_type}-first-version", task_type, info={"tokenizer": None}, canary=False)


def _deciding() -> Iterator[Kind]:
    for name, decisions in (
        ("accepting", CALM),
        ("outliers-logits", decided("logits", 0.8, -1.2, acceptance=Acceptance(0.5, 0.1, 0.5))),
        ("outliers-pooled", decided("pooled", 0.0, -0.2)),
    ):
        yield Kind(f"classification-{name}", "classification", info={"decisions": decisions})
    windows = {"windows": Windows("mean", 4, 5), "decisions": decided("pooled", 0.0, -0.2), **WINDOWED}
    yield Kind("classification-outliers-windows", "classification", info=windows)
    thresholds = Decisions(80, 1.3, thresholds=(0.2, 0.5, 0.9))
    yield Kind("multi-label-thresholds", "multi-label", info={"decisions": thresholds})
    yield Kind("span-accepting", "span", info={"decisions": Decisions(80, 2.5, acceptance=Acceptance(0.05, 0.1, 0.5))})


def make_pack(kind: Kind, base: Base, engine: Engine, seed: int) -> Pack:
    """Return a pack of random values."""
    rng, manifest, labels = np.random.default_rng(seed), base.manifest, LABELS[kind.task_type]
    from_layer = kind.info.get("from_layer", 0)
    held = [spec.term for spec in manifest.biases if not (from_layer and spec.below(from_layer))]
    terms = tuple(term for term in dict.fromkeys(held) if term != "k")
    fields = {"max_length": 24, "tokenizer": manifest.tokenizer_digest} | dict(kind.info)
    info = PackInfo(
        base=manifest.digest,
        base_name=manifest.name,
        task=kind.name,
        task_type=kind.task_type,
        labels=labels,
        pooling=manifest.pooling,
        terms=terms if kind.terms is None else kind.terms,
        encoding=kind.encoding,
        created_by=CREATED_BY,
        **fields,
    )
    values = {
        spec.name: base.default_biases[spec.name] + STRENGTH * rng.standard_normal(spec.size).astype(np.float32)
        for spec in info.biases(manifest)
    }
    if labels:
        values["head.weight"] = rng.standard_normal((manifest.hidden_size, len(labels))).astype(np.float32)
        values["head.bias"] = rng.standard_normal(len(labels)).astype(np.float32)
    tensors = encode(values, base.default_biases, manifest, kind.encoding)
    if info.decisions is not None and info.decisions.outliers is not None:
        width = len(labels) if info.decisions.outliers.space == "logits" else manifest.hidden_size
        tensors[CENTRES] = encode_centres(rng.standard_normal((len(labels), width)).astype(np.float32))
    if info.transitions == "learned":
        tensors[TRANSITIONS] = rng.standard_normal((len(labels) + 1) * len(labels)).astype(np.float16)
    pack = Pack(info, tensors)
    return make_canary(engine, pack) if kind.canary else pack
