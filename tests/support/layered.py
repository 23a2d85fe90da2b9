"""A stand-in for a session on a graph with branch points: slow layers that treat every row by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bitfit_runtime import Base, Engine
from bitfit_runtime.formats import BiasSpec
from bitfit_runtime.graph import (
    ATTENTION_MASK,
    HEAD_BIAS,
    HEAD_WEIGHT,
    INPUT_IDS,
    LAST_HIDDEN_STATE,
    LOGITS,
    POOLED,
    TOKEN_LOGITS,
    TOKEN_TYPE_IDS,
    TOKENS_READ,
    branch_input,
)


def layered_base(base: Base, layers: int, branches: Sequence[int]) -> Base:
    """Return a base of the same files that says it has so many layers, and these branch points."""
    size = base.manifest.hidden_size
    specs = [
        BiasSpec("embeddings.bias", size, "embeddings", -1),
        *(BiasSpec(f"layer.{layer}.{term}", size, term, layer) for layer in range(layers) for term in ("q", "m2")),
        BiasSpec("final.bias", size, "final", -1),
    ]
    draw = np.random.default_rng(1)
    defaults = {spec.name: draw.standard_normal(size).astype(np.float32) for spec in specs}
    return replace(
        base,
        manifest=replace(base.manifest, biases=tuple(specs), branches=tuple(branches)),
        default_biases=defaults,
    )


def layered_engine(base: Base, **options: Any) -> Engine:
    """Return an engine on a `layered_base`, with the stand-in for a session."""
    engine = Engine(base, threads=1, self_test="off", **options)
    engine._session = LayeredSession(base, engine._defaults)
    return engine


class LayeredSession:
    """Computes layer by layer, checks the shape of all it is fed, and counts the rows of each layer."""

    def __init__(self, base: Base, defaults: dict[str, np.ndarray]) -> None:
        self._base, self._defaults = base, defaults
        self.runs: list[dict[str, Any]] = []

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[np.ndarray]:
        self.runs.append(feeds)
        manifest = self._base.manifest
        ids, mask, types = (feeds[name] for name in (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS))
        place = np.arange(manifest.hidden_size)
        states = np.sin(ids[:, :, None] * (1 + place) + 7 * types[:, :, None]).astype(np.float32)
        used = {INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS, HEAD_WEIGHT, HEAD_BIAS, TOKENS_READ}
        for stage in self._stages():
            if isinstance(stage, str):
                if stage in feeds:
                    rows = feeds[stage]
                    assert rows.dtype == np.int64 and rows.min() >= 0 and rows.max() < len(states)
                    states, mask = states[rows], mask[rows]
                used.add(stage)
                continue
            for spec in stage:
                bias = feeds.get(spec.name, self._defaults[spec.name])
                assert bias.shape in ((1, 1, spec.size), (len(states), 1, spec.size)) and bias.dtype == np.float32
                # Every token sees the mean of its row's tokens, as in attention.
                mean = np.stack([row[kept == 1].mean(0) for row, kept in zip(states, mask, strict=True)])[:, None]
                states = np.sin(1.7 * states + mean + bias)
                used.add(spec.name)
        assert feeds.keys() <= used
        pooled = np.stack([row[kept == 1].mean(0) for row, kept in zip(states, mask, strict=True)])
        weight = feeds.get(HEAD_WEIGHT, np.zeros((1, manifest.hidden_size, 1), np.float32))
        bias = feeds.get(HEAD_BIAS, np.zeros((1, 1, 1), np.float32))
        assert len(weight) in (1, len(states)) and len(bias) in (1, len(states))
        read = states[:, : feeds[TOKENS_READ][0] if TOKENS_READ in feeds else None]
        tokens = (read[:, :, :, None] * weight[:, None]).sum(2) + bias
        logits = (pooled[:, :, None] * weight).sum(1) + bias[:, 0]
        outputs = {LOGITS: logits, TOKEN_LOGITS: tokens, LAST_HIDDEN_STATE: states, POOLED: pooled}
        return [outputs[name] for name in names]

    def _stages(self) -> Iterator[str | list[BiasSpec]]:
        """Yield, from below, the names of branch inputs, and the biases of each layer."""
        manifest = self._base.manifest
        yield [spec for spec in manifest.biases if spec.term == "embeddings"]
        for layer in range(manifest.layers + 1):
            if layer in manifest.branches:
                yield branch_input(layer)
            yield [spec for spec in manifest.biases if spec.layer == layer]
        yield [spec for spec in manifest.biases if spec.term == "final"]
