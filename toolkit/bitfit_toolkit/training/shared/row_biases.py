"""Biases by row: a frozen encoder in which every row of a batch has its own."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from bitfit_runtime.formats import Manifest
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.layers import UpperLayers


class RowBiases:
    """Adds deltas to the biases of `encoder`, another vector of deltas for every row.

    A vector holds the deltas of all biases of the base, in the order of its table, end to end. Outside of `encode` the
    encoder is as it was.
    """

    def __init__(self, encoder: torch.nn.Module, base: Manifest) -> None:
        self._encoder, self._base = encoder, base
        self._sizes = [spec.size for spec in base.biases]
        self._pieces: tuple[torch.Tensor, ...] = ()
        modules = dict(encoder.named_modules())
        for index, spec in enumerate(base.biases):
            modules[spec.name.removesuffix(".bias")].register_forward_hook(partial(self._add, index))

    def encode(
        self,
        deltas: torch.Tensor,
        tokens: Mapping[str, torch.Tensor],
        hidden: torch.Tensor | None = None,
        upper: UpperLayers | None = None,
    ) -> BaseModelOutputWithPooling:
        """Return the encoder's output over tokens `[rows, sequence]` with deltas `[rows, all biases]`.

        With hidden states `[rows, sequence, hidden]` of a trunk only the `upper` layers run. Raises TrainingError where
        a module answers once for all rows, as DeBERTa's do for relative positions.
        """
        self._pieces = torch.split(deltas, self._sizes, dim=1)
        try:
            return self._encoder(**tokens) if hidden is None or upper is None else upper.encode(hidden, tokens)
        finally:
            self._pieces = ()

    def _add(self, index: int, module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        del module, inputs
        if not self._pieces:
            return output
        piece = self._pieces[index]
        if len(output) != len(piece):
            raise TrainingError(
                f"{self._base.name} computes with {self._base.biases[index].name} once for all rows, so its tasks "
                "cannot share passes; train them one by one"
            )
        return output + piece.view(len(piece), *[1] * (output.ndim - 2), -1).to(output.dtype)


def own_rows(encoded: BaseModelOutputWithPooling, rows: slice, width: int) -> BaseModelOutputWithPooling:
    """Return the part of an encoder's output that belongs to some rows, cut to their own `width` in tokens."""
    pooler = encoded.pooler_output if hasattr(encoded, "pooler_output") else None
    return BaseModelOutputWithPooling(
        last_hidden_state=encoded.last_hidden_state[rows, :width],
        pooler_output=None if pooler is None else pooler[rows],
    )
