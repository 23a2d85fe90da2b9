"""Levels of a graph: the stretches of its layers between branch points, each with rows and biases of its own."""

import hashlib
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from bitfit_runtime.formats import Manifest, Pack
from bitfit_runtime.formats.schema import BIASES

DIGEST_BYTES = 16
BASE = bytes(DIGEST_BYTES)  # stands for the base's own biases, and for no head


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a base, from below; a base without branch points has one.

    Level i begins at encoder layer `starts[i]` and has `layers[i]` layers, the last one perhaps none, but always what
    comes after them: final norm, pooling, heads. `biases[i]` are the names of its bias inputs.
    """

    starts: tuple[int, ...]
    layers: tuple[int, ...]
    biases: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, manifest: Manifest) -> "Levels":
        """Return the levels of the base that a manifest describes."""
        starts = (0, *manifest.branches)
        ends = (*manifest.branches, manifest.layers)
        names: list[list[str]] = [[] for _ in starts]
        for spec in manifest.biases:
            names[sum(not spec.below(layer) for layer in manifest.branches)].append(spec.name)
        layers = tuple(end - start for start, end in zip(starts, ends, strict=True))
        return cls(starts, layers, tuple(map(tuple, names)))

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a pack computes with, so that packs can be compared: packs of equal content are equal here.

    `biases[i]` is a digest of the biases up to the end of level i, `BASE` where they are all the base's; two packs that
    agree in it agree in it on every level below. `head` is a digest of the head, `BASE` without one.
    """

    biases: tuple[bytes, ...]
    head: bytes

    @classmethod
    def of(cls, pack: Pack, manifest: Manifest) -> "Identity":
        """Return the identity of a pack that fits the base that `manifest` describes."""
        heads = {name for name in pack.tensors if name.startswith("head.")}
        own = _digest(pack, {name for name in pack.tensors if name.startswith(BIASES)})
        specs = pack.info.biases(manifest)
        biases = tuple(own if any(spec.below(layer) for spec in specs) else BASE for layer in manifest.branches)
        return cls((*biases, own if specs else BASE), _digest(pack, heads) if pack.has_head else BASE)

    @classmethod
    def of_base(cls, levels: int) -> "Identity":
        """Return the identity of a base of so many levels without any pack."""
        return cls((BASE,) * levels, BASE)


class Identities:
    """The identities of one base's packs, each found when it is first asked for; they live as long as their packs."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._base = Identity.of_base(len(manifest.branches) + 1)
        self._known: WeakKeyDictionary[Pack, Identity] = WeakKeyDictionary()

    def of(self, pack: Pack | None) -> Identity:
        """Return the identity of a pack, or of the bare base."""
        if pack is None:
            return self._base
        found = self._known.get(pack)
        if found is None:
            found = self._known[pack] = Identity.of(pack, self._manifest)
        return found


def _digest(pack: Pack, names: set[str]) -> bytes:
    """Return a digest of some of a pack's tensors and of what says how to read them."""
    info = pack.info
    found = hashlib.blake2b(repr((info.encoding, info.terms, info.from_layer)).encode(), digest_size=DIGEST_BYTES)
    for name in sorted(names):
        tensor = pack.tensors[name]
        found.update(f"{name} {tensor.dtype} {tensor.shape} ".encode())
        found.update(tensor.tobytes())
    return found.digest()
