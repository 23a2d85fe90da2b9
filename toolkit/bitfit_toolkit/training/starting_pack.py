"""The pack that a run begins with: its biases, and of its head the labels that the task has too."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitfit_runtime import Base, PackInfo, read_pack
from bitfit_runtime.formats import serialize
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TrainableTask

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class StartingPack:
    """What training begins with: `biases` by name `[n]`; `head` as a pack has it, of `labels`, where it has one.

    `digest` is the SHA-256 of the pack, `taken` how many of the run's own labels have a place in the head.
    """

    digest: str
    biases: Mapping[str, Float32]
    head: Mapping[str, Float32]
    labels: tuple[str, ...]
    taken: int
    count: int

    @classmethod
    def read(cls, path: str | Path, base: Base, info: PackInfo, learns: Collection[str]) -> "StartingPack":
        """Read the pack with which a run of pack `info`, whose biases `learns` are to learn, begins.

        Raises PackError where it is none, PackMismatchError where it was made for another base, and TrainingError where
        it holds biases that would not learn: the pack that comes of the run could not hold them.
        """
        pack = read_pack(path)
        values = pack.decode(base.manifest, base.default_biases)
        biases = {name: value for name, value in values.items() if name not in (HEAD_WEIGHT, HEAD_BIAS)}
        _check(path, pack.info, info, set(biases) - set(learns))
        same = pack.info.task_type == info.task_type
        head = {name: values[name] for name in (HEAD_WEIGHT, HEAD_BIAS)} if same and pack.has_head else {}
        labels = pack.info.labels if head else ()
        return cls(
            digest=hashlib.sha256(serialize(pack)).hexdigest(),
            biases=biases,
            head=head,
            labels=labels,
            taken=len(set(labels) & set(info.labels)),
            count=len(info.labels),
        )

    def tensors(self, fresh: Mapping[str, Float32], task: TrainableTask[Any, Any]) -> dict[str, Float32]:
        """Return what a model of `task` begins with, whose `fresh` head keeps the labels that the pack lacks."""
        if not self.head:
            return dict(self.biases)
        head = {name: fresh[name].copy() for name in (HEAD_WEIGHT, HEAD_BIAS)}
        known = task.unscale(self.head)
        places = {label: place for place, label in enumerate(self.labels)}
        for index, label in enumerate(task.labels):
            if label in places:
                place = places[label]
                head[HEAD_WEIGHT][:, index] = known[HEAD_WEIGHT][:, place]
                head[HEAD_BIAS][index] = known[HEAD_BIAS][place]
        return {**self.biases, **head}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know."""
        if self.taken == self.count:
            return ()
        taken = f"the head of {self.taken} of {self.count} labels"
        return (f"`start_from` gave biases, and {taken}; the others began fresh",)


def _check(path: str | Path, given: PackInfo, info: PackInfo, lost: Collection[str]) -> None:
    """Raise TrainingError where the biases named by `lost` are in the given pack and would not learn."""
    if not lost:
        return
    if given.from_layer < info.from_layer:
        raise TrainingError(
            f"`start_from` {path} holds biases from layer {given.from_layer} on, `from_layer` is {info.from_layer}; "
            f"begin at layer {given.from_layer} or lower"
        )
    left_out = [term for term in given.terms if term not in info.terms]
    raise TrainingError(
        f"`start_from` {path} holds biases of {', '.join(left_out)}, which `terms` leaves out; name them there, or "
        "begin with another pack"
    )
