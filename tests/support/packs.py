"""Packs of random values."""

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Base, Pack, PackInfo
from bitfit_runtime.formats import encode


def random_pack(
    base: Base,
    seed: int = 0,
    labels: int = 2,
    terms: tuple[str, ...] | None = None,
    task_type: str = "classification",
    from_layer: int = 0,
) -> Pack:
    """A pack of random values; `terms` and `from_layer` restrict which biases it holds."""
    generator = np.random.default_rng(seed)

    def noise(*shape: int) -> npt.NDArray[np.float32]:
        return generator.standard_normal(shape).astype(np.float32)

    manifest = base.manifest
    every = tuple(dict.fromkeys(b.term for b in manifest.biases if not (from_layer and b.below(from_layer))))
    info = PackInfo(
        base=manifest.digest,
        base_name=manifest.name,
        task=f"task-{seed}",
        task_type=task_type,
        labels=tuple(f"label-{i}" for i in range(labels)),
        pooling=manifest.pooling,
        max_length=64,
        terms=every if terms is None else tuple(term for term in terms if term in every),
        encoding="float32",
        tokenizer=manifest.tokenizer_digest,
        from_layer=from_layer,
    )
    tensors = {spec.name: np.float32(0.1) * noise(spec.size) for spec in info.biases(manifest)}
    if labels:
        tensors |= {"head.weight": noise(manifest.hidden_size, labels), "head.bias": noise(labels)}
    return Pack(info, encode(tensors, base.default_biases, manifest, info.encoding))
