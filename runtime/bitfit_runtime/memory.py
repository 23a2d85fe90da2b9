"""Memory: the most that an engine takes, as a formula, and the batches that a limit allows."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from bitfit_runtime.batching import FLOAT, PIECE, token_bytes
from bitfit_runtime.errors import InputError
from bitfit_runtime.formats import Base, Manifest, Pack, PackInfo
from bitfit_runtime.formats.schema import CONFIG_FILE
from bitfit_runtime.planning import HEAD_BYTES, WIDEST_OF_ONE_TEXT, WORK_OF_ONE_TEXT

MIB: Final = 1 << 20
SESSION_BYTES: Final = 12 * MIB  # of a loaded base beside its files
TEXT_BYTES: Final = 12 * MIB  # of the texts of a call, tokenized a piece at a time
PACK_BYTES: Final = 4096  # of an installed pack beside its numbers
SHORTEST: Final = 3  # tokens of a text, special ones included
# How often a layer holds hidden states, what is widest in its feed-forward layer, and the scores of attention; those
# with products of relative positions are held more often.
HIDDEN_COPIES, WIDEST_COPIES, SCORE_COPIES = 4, 3, 3
RELATIVE_COPIES: Final = {"roformer": 4, "mpnet": 6, "deberta-v2": 12}
# ONNX Runtime keeps what it once took, and with memory patterns, which make short calls faster, it takes a block for
# each call besides.
PATTERNS: Final = 2
CACHE_SHARE: Final = 4  # at most a fourth of what a limit leaves is for decoded packs


@dataclass(frozen=True, slots=True)
class Memory:
    """The most bytes that an engine takes, besides Python and the libraries themselves.

    `base` is its base, loaded; `packs` are the installed ones as stored, `pack_cache` those that are kept decoded;
    `call` is what a call takes, for each that runs at the same time.
    """

    base: int
    packs: int
    pack_cache: int
    call: int

    @property
    def total(self) -> int:
        """All parts together, for one call at a time."""
        return self.base + self.packs + self.pack_cache + self.call

    def __str__(self) -> str:
        """Return one line with all parts in megabytes."""
        parts = {"base": self.base, "packs": self.packs, "pack cache": self.pack_cache, "a call": self.call}
        told = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in parts.items())
        return f"at most {self.total / 1e6:.0f} MB: {told}"


@dataclass(frozen=True, slots=True)
class Footprint:
    """What of a base decides how much memory it takes.

    `loaded` are its bytes in memory, `token_bytes` those that a layer holds for each token of its longest text.
    """

    manifest: Manifest
    loaded: int
    token_bytes: int

    @classmethod
    def of(cls, base: Base) -> "Footprint":
        """Return the footprint of a base."""
        manifest = base.manifest
        files = sum((base.folder / name).stat().st_size for name in manifest.files)
        unpacked = 2 if manifest.precision == "int4" else 1
        scores = _attention_heads(base) * manifest.max_length
        widest = max((spec.size for spec in manifest.biases), default=manifest.hidden_size)
        copies = RELATIVE_COPIES.get(manifest.architecture, SCORE_COPIES)
        held = HIDDEN_COPIES * manifest.hidden_size + max(WIDEST_COPIES * widest, copies * scores)
        return cls(manifest, SESSION_BYTES + unpacked * files, FLOAT * held)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many packs there are, their bytes as stored, the most labels of one, at least 1, and of one for tokens.

    `token_bytes` are those of the numbers that such a pack gives for the longest text that it reads, at most.
    """

    packs: int
    bytes: int
    labels: int
    token_bytes: int

    @classmethod
    def of(cls, packs: Iterable[Pack]) -> "Stored":
        """Add up packs, once for all the batches that are tried with them: there may be thousands."""
        packs = tuple(packs)
        size = sum(sum(tensor.nbytes for tensor in pack.tensors.values()) + PACK_BYTES for pack in packs)
        labels = max((1, *(len(pack.info.labels) for pack in packs)))
        return cls(len(packs), size, labels, max((0, *(_most_for_tokens(pack.info) for pack in packs))))


def _most_for_tokens(info: PackInfo) -> int:
    """Return the bytes of the numbers that a pack gives for the tokens of the longest text that it reads."""
    return token_bytes(info, info.max_length * (1 if info.windows is None else info.windows.max_windows))


@dataclass(frozen=True, slots=True)
class Budget:
    """How large batches may be: in rows, in padded tokens, and in padded tokens of rows above those that they share.

    `pack_cache` are the bytes for decoded packs. `limit` bounds all memory, None not at all; `patterns` says whether
    ONNX Runtime keeps memory patterns.
    """

    batch_size: int
    max_tokens: int
    most_tokens: int
    pack_cache: int
    limit: int | None
    patterns: bool

    @classmethod
    def of(
        cls,
        base: Footprint,
        batch_size: int,
        max_tokens: int,
        pack_cache: int,
        limit: int | None = None,
        patterns: bool = True,
    ) -> "Budget":
        """Return a budget for an engine without packs. Raises InputError where `limit` is too low for the base."""
        budget = cls(batch_size, max_tokens, WIDEST_OF_ONE_TEXT * max_tokens, pack_cache, limit, patterns)
        if limit is not None:
            left = limit - replace(budget, most_tokens=1, pack_cache=0).memory(base, ()).total
            budget = replace(budget, pack_cache=max(min(pack_cache, left // CACHE_SHARE), 0))
        return budget.within(base, ())

    def within(self, base: Footprint, packs: Iterable[Pack]) -> "Budget":
        """Return the largest budget for these packs that the limit allows. Raises InputError where there is none."""
        if self.limit is None:
            return self
        stored = Stored.of(packs)
        low, high = 1, WIDEST_OF_ONE_TEXT * self.max_tokens  # of a text that is longer, a row may always run
        needed = replace(self, most_tokens=low)._with(base, stored).total
        if needed > self.limit:
            raise InputError(
                f"`memory_limit` should be at least {needed:,} bytes for base {base.manifest.name} and {stored.packs} "
                f"packs, found {self.limit:,}; raise it, or install fewer packs, or some of fewer labels"
            )
        while low < high:
            tried = (low + high + 1) // 2
            fits = replace(self, most_tokens=tried)._with(base, stored).total <= self.limit
            low, high = (tried, high) if fits else (low, tried - 1)
        return replace(self, most_tokens=low)

    def memory(self, base: Footprint, packs: Iterable[Pack]) -> Memory:
        """Return the most memory that an engine with these packs takes."""
        return self._with(base, Stored.of(packs))

    def _with(self, base: Footprint, stored: "Stored") -> Memory:
        return Memory(base.loaded, stored.bytes, self.pack_cache, self._call(base, stored))

    def _call(self, base: Footprint, stored: "Stored") -> int:
        """Return the bytes of the widest layer, of heads and what they give, and of stacked and decoded packs.

        What is given for tokens is kept until the texts of a piece are answered.
        """
        manifest, labels = base.manifest, stored.labels
        tokens = max(self.most_tokens, manifest.max_length)
        rows = min(max(self.most_tokens // SHORTEST, 1), int(WORK_OF_ONE_TEXT * self.batch_size))
        head = labels * manifest.hidden_size * FLOAT
        heads = max(head, min(HEAD_BYTES, self.most_tokens // SHORTEST * head))
        token_logits = min(tokens * labels * FLOAT, heads // manifest.hidden_size * manifest.max_length)
        run = tokens * base.token_bytes + 3 * heads + 2 * token_logits
        fed = heads + rows * manifest.bias_parameters * FLOAT
        longest = stored.token_bytes  # in windows, then joined
        kept = max(PIECE.token_bytes, longest) + longest if longest else 0
        return (PATTERNS if self.patterns else 1) * run + 2 * fed + kept + TEXT_BYTES


def _attention_heads(base: Base) -> int:
    """Return how many heads of attention the configuration names, or what is usual for so wide a model."""
    hidden = base.manifest.hidden_size
    try:
        config = json.loads((base.folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        config = None
    found = config.get("num_attention_heads", config.get("n_heads")) if isinstance(config, dict) else None
    return found if isinstance(found, int) and 0 < found <= hidden else -(-hidden // 32)
