"""Packs of random values."""

import numpy as np

from bitfit_runtime import Base, Pack, PackInfo
from bitfit_runtime.formats import encode


def random_pack(
    base: Base,
    seed: int = 0,
    labels: int = 2,
    terms: tuple[str, ...] | None = None,
    task_type: str = "classification",
) -> Pack:
    """A pack of random values; `terms` restricts which biases it holds."""
    generator = np.random.default_rng(seed)

    def noise(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape).astype(np.float32)

    manifest = base.manifest
    tensors = {b.name: 0.1 * noise(b.size) for b in manifest.biases if terms is None or b.term in terms}
    if labels:
        tensors |= {"head.weight": noise(manifest.hidden_size, labels), "head.bias": noise(labels)}
    info = PackInfo(
        base=manifest.digest,
        base_name=manifest.name,
        task=f"task-{seed}",
        task_type=task_type,
        labels=tuple(f"label-{i}" for i in range(labels)),
        pooling=manifest.pooling,
        max_length=64,
        terms=terms or tuple(dict.fromkeys(b.term for b in manifest.biases)),
        encoding="float32",
        tokenizer=manifest.tokenizer_digest,
    )
    return Pack(info, encode(tensors, base.default_biases, manifest, info.encoding))
