"""Tasks of the exported base, by the public format: every bias and the head of each, as feeds and as packs."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Base, Pack, PackInfo, write_pack
from bitfit_runtime.formats.pack_encoding import encode
from bitfit_runtime.formats.schema import MODEL_FILE, WEIGHTS_FILE

LABELS = 2
Feeds = dict[str, npt.NDArray[np.float32]]


def graph_bytes(base: Base) -> int:
    """Bytes of the graph and its weights."""
    return sum((base.folder / name).stat().st_size for name in (MODEL_FILE, WEIGHTS_FILE))


def random_values(base: Base, seed: int) -> Feeds:
    """All biases `[size]`, moved a little, and a random head `[hidden, labels]`, `[labels]`."""
    generator = np.random.default_rng(seed)

    def noise(*shape: int) -> npt.NDArray[np.float32]:
        return (0.05 * generator.standard_normal(shape)).astype(np.float32)

    biases = {name: bias + noise(bias.size) for name, bias in base.default_biases.items()}
    return biases | {"head.weight": noise(base.manifest.hidden_size, LABELS), "head.bias": noise(LABELS)}


def task_feeds(base: Base, seed: int) -> Feeds:
    """What a session is fed for one task (rows = 1)."""
    values = random_values(base, seed)
    weight = values.pop("head.weight")
    return {name: value[None, None] for name, value in values.items()} | {"head.weight": weight[None]}


def write_random_pack(base: Base, seed: int, path: Path) -> None:
    """The same task as a pack file, all terms, int8 codes."""
    manifest = base.manifest
    info = PackInfo(
        base=manifest.digest,
        base_name=manifest.name,
        task=f"task-{seed}",
        task_type="classification",
        labels=("no", "yes"),
        pooling=manifest.pooling,
        max_length=manifest.max_length,
        terms=tuple(dict.fromkeys(spec.term for spec in manifest.biases)),
        encoding="int8",
    )
    write_pack(Pack(info, encode(random_values(base, seed), base.default_biases, manifest, info.encoding)), path)
