"""Learning rates by bias: how far a step moves each, by how much the activation varies that it is added to.

A bias is a threshold. Adam moves each of its numbers by about the learning rate, whatever the gradient's size, so one
rate for all moves a small activation much farther than a large one, and a deep encoder farther than a shallow one.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from bitfit_runtime.formats.manifest import BiasSpec
from bitfit_runtime.graph import ATTENTION_MASK, LOGITS
from bitfit_toolkit.training.run import Run
from bitfit_toolkit.training.task_data import Item, single_windows

TEXTS: Final = 32  # of the training rows, on which sizes are measured
# What a step may move, as a share of the activation's size: what stays inside of a sublayer, before its softmax or its
# nonlinearity, can move farther than what reaches the hidden states of all layers above.
INSIDE: Final = 0.03
INTERMEDIATE: Final = 0.017  # where one answer is for a whole text
ABOVE: Final = 0.006
LAYERS: Final = 6  # from so many that learn on, each has its part of the shares
HEAD: Final = 0.6  # how far a step may move a logit, whose inputs all point one way
HEAD_ALONE: Final = 1.8  # where no bias learns


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate of one bias, by the name of its parameter."""

    bias: str
    term: str
    value: float


@dataclass(frozen=True, slots=True)
class Rates:
    """The largest learning rate of each bias that learns, and of the head."""

    biases: tuple[Rate, ...]
    head: float

    @classmethod
    def common(cls, run: Run, rate: float) -> "Rates":
        """Return one rate for everything that learns."""
        return cls(tuple(Rate(spec.name, spec.term, rate) for spec in _learning(run)), rate)

    def groups(self, biases: dict[str, torch.nn.Parameter], head: Sequence[torch.nn.Parameter]) -> list[dict[str, Any]]:
        """Return an optimizer's groups, one for each rate; `biases` are by name, `head` are the head's parameters."""
        found: dict[float, list[torch.nn.Parameter]] = {self.head: list(head)} if head else {}
        for rate in self.biases:
            found.setdefault(rate.value, []).append(biases[rate.bias])
        return [{"params": own, "lr": value} for value, own in found.items()]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each activation varies to which a bias is added, by the bias's name, and the head's inputs."""

    biases: dict[str, float]
    head: float


def rates_for(run: Run, items: Sequence[Item], multiple: float = 1.0) -> Rates:
    """Return the rates of a run that has learned nothing yet, measured on some of its training items."""
    sizes = measure(run, items)
    specs = _learning(run)
    layers = len({spec.layer for spec in specs if spec.layer >= 0})
    part = multiple * min(1.0, LAYERS / max(1, layers))
    biases = (
        Rate(spec.name, spec.term, part * share(spec.term, run.model.output) * sizes.biases[spec.name])
        for spec in specs
    )
    head = (HEAD if specs else HEAD_ALONE) / (sizes.head * run.base.manifest.hidden_size)
    return Rates(tuple(biases), multiple * rounded(head))


def share(term: str, output: str) -> float:
    """Return which share of an activation's size a step may move by a bias of this term, for a task's raw output."""
    if term == "m2" and output == LOGITS:
        return INTERMEDIATE
    return INSIDE if term in ("q", "m2") else ABOVE


def rounded(size: float) -> float:
    """Return the nearest power of √2, so that another processor's rounding, or batch, changes no rate by a little."""
    return float(2.0 ** (round(2 * np.log2(size)) / 2)) if size > 0 and np.isfinite(size) else 1.0


@torch.no_grad()
def measure(run: Run, items: Sequence[Item]) -> Sizes:
    """Run the model over evenly spread items, and return the sizes of what its biases are added to, and its head gets.

    A size is a standard deviation over tokens: the median of an activation's units, of which a few may be far larger
    than the rest. Padding is left out.
    """
    chosen = [items[index] for index in np.linspace(0, len(items) - 1, min(TEXTS, len(items))).astype(int)]
    if run.preprocessor.windowed:
        chosen = [window for item in chosen for window in single_windows(item)][:TEXTS]
    found: dict[str, float] = {}
    inputs = {name: value.to(run.model.device) for name, value in run.preprocessor.inputs(chosen).items()}
    training = run.model.training
    run.model.eval()
    with _watched(run, inputs.get(ATTENTION_MASK), found):
        run.model(**inputs)
    run.model.train(training)
    return Sizes({name: found.get(name, 1.0) for name in run.model.biases}, found.get("", 1.0))


@contextmanager
def _watched(run: Run, mask: torch.Tensor | None, found: dict[str, float]) -> Iterator[None]:
    """Within the block, write the size of each bias module's output into `found`, and the head's input's as ''."""
    modules = dict(run.model.encoder.named_modules())

    def told(name: str, module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> None:
        del module, inputs
        found[name] = rounded(spread(output, mask))

    def given(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        del module
        found[""] = magnitude(inputs[0], mask)

    with ExitStack() as stack:
        for name in run.model.biases:
            hook = modules[name.removesuffix(".bias")].register_forward_hook(partial(told, name))
            stack.callback(hook.remove)
        if run.model.head is not None:
            stack.callback(run.model.head.register_forward_pre_hook(given).remove)
        yield


def spread(values: torch.Tensor, mask: torch.Tensor | None) -> float:
    """Return the median over units of their standard deviation over what the mask `[rows, sequence]` leaves."""
    return float(_unmasked(values, mask).std(0, unbiased=False).median())


def magnitude(values: torch.Tensor, mask: torch.Tensor | None) -> float:
    """Return the root of the mean square of what the mask leaves."""
    return float(_unmasked(values, mask).square().mean().sqrt())


def _unmasked(values: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Return values `[n, units]` without padding, where they are of tokens."""
    if mask is not None and values.ndim == 3 and values.shape[:2] == mask.shape:
        return values[mask.bool()].float()
    return values.reshape(-1, values.shape[-1]).float()


def _learning(run: Run) -> list[BiasSpec]:
    return [spec for spec in run.base.manifest.biases if spec.name in run.model.biases]
