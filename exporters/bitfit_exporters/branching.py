"""Branching of rows: the layers below which a base lets rows branch, and the proof that they answer as unshared."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_exporters.checkpoint import Checkpoint
from bitfit_exporters.errors import ExportError
from bitfit_exporters.options import ExportOptions
from bitfit_exporters.parity import sentences
from bitfit_runtime.formats import Manifest
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT, OUTPUTS, branch_input
from bitfit_runtime.padding import Padding
from bitfit_runtime.tokenizer import collate

Float32 = npt.NDArray[np.float32]
Array = npt.NDArray[np.float32] | npt.NDArray[np.int64]
SHARES = (1 / 3, 1 / 2, 2 / 3, 5 / 6, 1)  # of the layers below the points that a base has by default
LABELS = 3


def default_branches(layers: int) -> tuple[int, ...]:
    """Return the layers below which a base with so many lets rows branch unless told otherwise."""
    return tuple(sorted({max(1, round(layers * share)) for share in SHARES})) if layers else ()


def branch_layers(options: ExportOptions, checkpoint: Checkpoint) -> tuple[int, ...]:
    """Return the layers below which rows shall branch. Raises ExportError where the encoder has fewer layers."""
    layers = checkpoint.family.layers(name for name, _ in checkpoint.model.named_parameters())
    if options.branch_points is None:
        return default_branches(layers)
    if options.branch_points and options.branch_points[-1] > layers:
        raise ExportError(
            f"`branch_points` should be layers 1 to {layers} of {checkpoint.name}, found {options.branch_points[-1]}"
        )
    return options.branch_points


def measure_branch_error(
    session: ort.InferenceSession, checkpoint: Checkpoint, manifest: Manifest, defaults: Mapping[str, Float32]
) -> float:
    """Return the largest difference of any output between rows that share lower layers and the same rows unshared.

    Tried are one row, fewer and more rows than below at each branch point by itself, and a tree over all of them. Every
    row of every level has biases of its own. `defaults` holds the default biases `[n]` by name.
    """
    trial = _Trial(session, checkpoint, manifest, defaults)
    below = trial.texts
    trees = [{point: rows} for point in manifest.branches for rows in ([below - 1], [2, 0], [0, 2, 2, 1, 0, 3, 3])]
    tree, rows = {}, below
    for point in manifest.branches:
        tree[point] = [row % rows for row in range(2, rows + 3)] + [0]
        rows = len(tree[point])
    differences = [trial.difference(tree) for tree in [*trees, tree]]
    return float(np.max(differences))  # which, unlike max, keeps what is not a number


class _Trial:
    """The sentences of the checks, run with random biases."""

    def __init__(
        self,
        session: ort.InferenceSession,
        checkpoint: Checkpoint,
        manifest: Manifest,
        defaults: Mapping[str, Float32],
    ) -> None:
        self._session, self._manifest, self._defaults = session, manifest, defaults
        self._generator = np.random.default_rng(0)
        texts = sentences(checkpoint)
        self.texts = len(texts)
        width = Padding.of_machine(checkpoint.max_length).width(max(map(len, texts)))
        self._tokens = collate(texts, checkpoint.inputs, checkpoint.pad_token_id, width)

    def difference(self, tree: Mapping[int, Sequence[int]]) -> float:
        """Return the largest difference between rows that branch as `tree` says and the same rows unshared.

        `tree` maps layers, ascending, to the row of the level below that each row from there on continues.
        """
        sizes = [self.texts, *map(len, tree.values())]
        ancestors = [np.arange(sizes[-1])]
        for rows in reversed(list(tree.values())):
            ancestors.insert(0, np.asarray(rows)[ancestors[0]])
        shared: dict[str, Array] = {**self._tokens}
        shared |= {branch_input(layer): np.asarray(rows, np.int64) for layer, rows in tree.items()}
        unshared: dict[str, Array] = {name: array[ancestors[0]] for name, array in self._tokens.items()}
        for name, default, level in self._inputs(tree):
            noise = self._noise(sizes[level], default.shape)
            shared[name], unshared[name] = default + noise, (default + noise)[ancestors[level]]
        together, apart = (self._session.run(list(OUTPUTS), feeds) for feeds in (shared, unshared))
        return float(np.max([np.abs(a - b).max() for a, b in zip(together, apart, strict=True)]))

    def _inputs(self, tree: Mapping[int, Sequence[int]]) -> Iterator[tuple[str, Float32, int]]:
        """Yield every bias and the head: its name, its default for one row, and how many of the layers are below it."""
        for spec in self._manifest.biases:
            yield spec.name, self._defaults[spec.name][None], sum(not spec.below(layer) for layer in tree)
        size = self._manifest.hidden_size
        yield HEAD_WEIGHT, np.zeros((size, LABELS), np.float32), len(tree)
        yield HEAD_BIAS, np.zeros((1, LABELS), np.float32), len(tree)

    def _noise(self, rows: int, shape: tuple[int, ...]) -> Float32:
        return (0.1 * self._generator.standard_normal((rows, *shape))).astype(np.float32)
