"""Vectors of packs: what they decode to, and what they answer."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from bitfit_runtime import Base, Engine, Pack, Row
from bitfit_runtime.formats import parse_pack, serialize
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT
from vectors.answering import answer_document, float32
from vectors.pack_kinds import Kind, make_pack, pack_kinds

VECTORS: Final = Path(__file__).parent
BASE, PACKS = VECTORS / "base", VECTORS / "packs"
OVERFLOWING: Final = VECTORS / "overflowing.safetensors"  # finite itself, but nothing that it answers is
SHORT: Final = (
    ("Please send the blue box to Anna in Lisbon, not the red one.", None),
    ("Where is the lamp?", "The lamp is at the river, in Ben's box."),
    ("", None),
)
LONG: Final = (
    (
        "The summer train from Paris to Lisbon was late, so Anna and Ben went to the garden. Why? Nobody knows who.",
        None,
    ),
    (
        "Who sends it?",
        "A letter of the evening doctor is in the paper box at the stone bridge; please order more lamps.",
    ),
)


def packs() -> Iterator[tuple[str, bytes]]:
    """Make the packs: yield the name of each and its bytes."""
    base = Base.open(BASE)
    engine = Engine(base, threads=1)
    for seed, kind in enumerate(pack_kinds()):
        yield kind.name, serialize(make_pack(kind, base, engine, seed))


def read_packs() -> dict[str, bytes]:
    """Return the packs that are checked in."""
    return {path.stem: path.read_bytes() for path in sorted(PACKS.iterdir())}


def write_packs() -> None:
    """Write the packs anew."""
    PACKS.mkdir(exist_ok=True)
    for path in PACKS.iterdir():
        path.unlink()
    for name, data in packs():
        (PACKS / f"{name}.safetensors").write_bytes(data)
    base = Base.open(BASE)
    head = make_pack(Kind("overflowing", "classification", "float32", terms=(), canary=False), base, Engine(base), 0)
    large = {name: np.full_like(values, 3e38) for name, values in head.tensors.items()}
    OVERFLOWING.write_bytes(serialize(replace(head, tensors=large)))


def tensors(pack: Pack, base: Base) -> dict[str, Any]:
    """Return digests of what a pack decodes to, float32; class centres as they are."""
    decoded = pack.decode(base.manifest, base.default_biases)
    biases = [decoded[spec.name] for spec in pack.info.biases(base.manifest)]
    found: dict[str, Any] = {"biases": _digest(np.concatenate(biases))} if biases else {}
    found |= {name: _digest(decoded[name]) for name in (HEAD_WEIGHT, HEAD_BIAS) if name in decoded}
    if (centres := pack.centres(base.manifest.hidden_size)) is not None:
        found["outlier.centres"] = centres.tolist()
    if pack.transitions is not None:
        found["transitions"] = _digest(pack.transitions)
    return found


def cases() -> dict[str, Any]:
    """Return the vectors of the packs that are checked in."""
    base = Base.open(BASE)
    engine, found = Engine(base, threads=1, self_test="full"), list[Mapping[str, Any]]()
    for name, data in read_packs().items():
        pack = parse_pack(data)
        engine.install(name, pack)
        rows = [Row(text, name, pair) for text, pair in (*SHORT, *LONG)]
        values = engine.logits(rows) if pack.has_head else list(engine.embed(rows))
        answered = [
            {
                "text": row.text,
                "pair": row.text_pair,
                "values": float32(value),
                "shape": list(value.shape),
                "answer": answer_document(engine.predict(row)),
            }
            for row, value in zip(rows, values, strict=True)
        ]
        digest = hashlib.sha256(data).hexdigest()
        head = {"name": name, "file": f"packs/{name}.safetensors", "sha256": digest}
        found.append(head | {"canary": pack.canary is not None, "tensors": tensors(pack, base), "rows": answered})
    digests = {"base": "base", "digest": base.manifest.digest, "kernels": engine.kernel_fingerprint}
    return digests | {"bound": base.manifest.self_test.tolerance, "cases": found}


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, "<f4").tobytes()).hexdigest()
