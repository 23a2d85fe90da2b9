"""Random tasks of a base: every bias and a head of two labels, as a session's feeds and as packs."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Base, Pack, PackInfo, write_pack
from bitfit_runtime.formats import encode

LABELS = ("no", "yes")
Arrays: TypeAlias = dict[str, npt.NDArray[np.float32]]


def random_values(base: Base, seed: int) -> Arrays:
    """Return all biases `[size]`, moved a little, and a random head `[hidden, labels]`, `[labels]`; float32."""
    generator = np.random.default_rng(seed)

    def noise(*shape: int) -> npt.NDArray[np.float32]:
        return (0.05 * generator.standard_normal(shape)).astype(np.float32)

    biases: Arrays = {name: bias + noise(bias.size) for name, bias in base.default_biases.items()}
    return biases | {"head.weight": noise(base.manifest.hidden_size, len(LABELS)), "head.bias": noise(len(LABELS))}


def task_feeds(base: Base, seed: int) -> Arrays:
    """Return what a session is fed for one row of a task: biases `[1, 1, size]`, head `[1, hidden, labels]`."""
    values = random_values(base, seed)
    weight = values.pop("head.weight")
    return {name: value[None, None] for name, value in values.items()} | {"head.weight": weight[None]}


def random_pack(
    base: Base, seed: int, task: str | None = None, encoding: str = "int8", from_layer: int = 0, head_only: bool = False
) -> Pack:
    """Return the same task as a pack; its name is `task-SEED` unless `task` is given.

    It has all biases from `from_layer` on, or none and a head alone.
    """
    manifest = base.manifest
    above = [spec for spec in manifest.biases if not (from_layer and spec.below(from_layer))]
    info = PackInfo(
        base=manifest.digest,
        base_name=manifest.name,
        task=task or f"task-{seed}",
        task_type="classification",
        labels=LABELS,
        pooling=manifest.pooling,
        max_length=manifest.max_length,
        terms=() if head_only else tuple(dict.fromkeys(spec.term for spec in above)),
        encoding=encoding,
        tokenizer=manifest.tokenizer_digest,
        from_layer=0 if head_only else from_layer,
    )
    kept = {spec.name for spec in info.biases(manifest)} | {"head.weight", "head.bias"}
    values = {name: value for name, value in random_values(base, seed).items() if name in kept}
    return Pack(info, encode(values, base.default_biases, manifest, encoding))


def write_random_packs(base: Base, count: int, folder: Path | None = None) -> list[Path]:
    """Write the packs of the first seeds into `folder`, by default one beside the base, and return their paths.

    Those that are there are kept.
    """
    folder = folder or base.folder.with_name(f"{base.folder.name}-packs")
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{seed}.safetensors" for seed in range(count)]
    for seed, path in enumerate(paths):
        if not path.exists():
            write_pack(random_pack(base, seed), path)
    return paths
