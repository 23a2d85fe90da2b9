"""Layers of an encoder: what reaches one of them, and what those from it on make of that."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from bitfit_runtime.formats import Manifest
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS

Tokens = Mapping[str, torch.Tensor]
ALIKE = 1e-6  # relative: an encoder's output by way of its upper layers, against that of its plain forward


class UpperLayers:
    """The layers of `encoder` from `start` on, and whatever follows them; `start` is 1 to the number of layers.

    The encoder's own forward runs: masks, positions and norms are computed by the code of its family. Only the layers
    below `start` are made to return what they are given.
    """

    def __init__(self, encoder: torch.nn.Module, base: Manifest, start: int) -> None:
        self.start = start
        self._encoder, self._base = encoder, base
        self._lower = [_layer(encoder, base, index) for index in range(start)]
        self._parts = 0  # of the tuple that a layer returns, 0 where it returns a tensor alone

    def encode(self, hidden: torch.Tensor, tokens: Tokens) -> BaseModelOutputWithPooling:
        """Return the encoder's output for hidden states `[rows, sequence, hidden]` that reach the first upper layer."""
        with self._given(hidden):
            return self._encoder(**tokens)

    @torch.no_grad()
    def complete(self) -> bool:
        """Whether lower and upper layers together give what the plain forward gives.

        They do not where layers share their modules, as ALBERT's do.
        """
        ids = torch.tensor([self._base.self_test.input_ids], device=next(self._encoder.parameters()).device)
        every = {INPUT_IDS: ids, ATTENTION_MASK: torch.ones_like(ids), TOKEN_TYPE_IDS: torch.zeros_like(ids)}
        tokens = {name: every[name] for name in self._base.inputs}
        expected = self._encoder(**tokens).last_hidden_state
        (hidden,) = reached_by(self._encoder, [self], tokens)
        found = self.encode(hidden, tokens).last_hidden_state
        return bool((found - expected).norm() <= ALIKE * expected.norm())

    @contextmanager
    def watched(self, notify: Callable[[torch.Tensor], None]) -> Iterator[None]:
        """Within the block `notify` is told of the hidden states that reach the first upper layer."""

        def told(module: torch.nn.Module, inputs: Any, output: Any) -> None:
            del module, inputs
            self._parts = len(output) if isinstance(output, tuple) else 0
            notify(output[0] if self._parts else output)

        hook = self._lower[-1].register_forward_hook(told)
        try:
            yield
        finally:
            hook.remove()

    @contextmanager
    def _given(self, hidden: torch.Tensor) -> Iterator[None]:
        """Within the block the lower layers return `hidden`, in the form in which their callers expect it."""
        output = (hidden, *[None] * (self._parts - 1)) if self._parts else hidden
        for layer in self._lower:
            layer.forward = partial(_constant, output)
        try:
            yield
        finally:
            for layer in self._lower:
                del layer.forward


class _ReachedError(Exception):
    """Ends a forward where all is known that was asked for."""


class _Notify:
    """Collects `count` hidden states, and ends the forward with the last."""

    def __init__(self, count: int) -> None:
        self.found: list[torch.Tensor] = []
        self._count = count

    def __call__(self, hidden: torch.Tensor) -> None:
        self.found.append(hidden)
        if len(self.found) == self._count:
            raise _ReachedError


@torch.no_grad()
def reached_by(encoder: torch.nn.Module, levels: Sequence[UpperLayers], tokens: Tokens) -> list[torch.Tensor]:
    """Return the hidden states `[rows, sequence, hidden]` that reach each of `levels`, ascending.

    No layer above the last of them runs.
    """
    notify = _Notify(len(levels))
    with ExitStack() as stack:
        for level in levels:
            stack.enter_context(level.watched(notify))
        with suppress(_ReachedError):
            encoder(**tokens)
    return notify.found


def _constant(output: Any, *_: Any, **__: Any) -> Any:
    return output


def _layer(encoder: torch.nn.Module, base: Manifest, index: int) -> torch.nn.Module:
    """Return the module of a layer: its biases' names begin with its own, which ends with its number."""
    parts = next(spec.name for spec in base.biases if spec.layer == index).split(".")
    depth = next(place for place, part in enumerate(parts, 1) if part.isdigit())
    return encoder.get_submodule(".".join(parts[:depth]))
