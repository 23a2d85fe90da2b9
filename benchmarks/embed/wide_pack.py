"""A pack of BERT-base's shape, for the time that it takes to install: its numbers are random."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bitfit_runtime.formats import Base, BiasSpec, Pack, PackInfo, encode, write_pack
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT
from harness.options import ROOT

LAYERS, HIDDEN, LABELS = 12, 768, 16
SIZES = {
    "q": HIDDEN,
    "k": HIDDEN,
    "v": HIDDEN,
    "m1": HIDDEN,
    "LN1": HIDDEN,
    "m2": 4 * HIDDEN,
    "m3": HIDDEN,
    "LN2": HIDDEN,
}


def write_wide_pack(path: Path) -> dict[str, Any]:
    """Write the pack, and return what the JavaScript runtime must know of its base."""
    like = Base.open(ROOT / "tests" / "vectors" / "base").manifest
    specs = tuple(
        BiasSpec(f"{layer}.{term}", size, term, layer) for layer in range(LAYERS) for term, size in SIZES.items()
    )
    base = replace(like, biases=specs, hidden_size=HIDDEN, branches=())
    generator = np.random.default_rng(0)
    defaults = {spec.name: np.zeros(spec.size, np.float32) for spec in specs}
    values = {spec.name: generator.normal(0, 0.01, spec.size).astype(np.float32) for spec in specs}
    values[HEAD_WEIGHT] = generator.normal(0, 0.1, (HIDDEN, LABELS)).astype(np.float32)
    values[HEAD_BIAS] = np.zeros(LABELS, np.float32)
    info = PackInfo(
        *(base.digest, base.name, "wide", "classification", tuple(map(str, range(LABELS)))),
        *(base.pooling, base.max_length, tuple(SIZES), "int4"),
        tokenizer=base.tokenizer_digest,
    )
    write_pack(Pack(info, encode(values, defaults, base, "int4")), path)
    return {
        "digest": base.digest,
        "tokenizerDigest": base.tokenizer_digest,
        "pooling": base.pooling,
        "maxLength": base.max_length,
        "layers": LAYERS,
        "hiddenSize": HIDDEN,
        "biases": [{"name": spec.name, "size": spec.size, "term": spec.term, "layer": spec.layer} for spec in specs],
    }
