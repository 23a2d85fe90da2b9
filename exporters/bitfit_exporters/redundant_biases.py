"""Redundant bias terms of an encoder, found by trying on the model itself, in double precision.

With absolute positions a key bias adds the same to every score of a query, and softmax ignores what is added to all.
Attention weights sum to one, so that a value bias passes through attention as it is, and the output's bias can carry
it: Δb_m1 = W_o Δb_v. Neither needs to hold where scores or values depend on positions in another way.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from bitfit_exporters.families import Family
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS

EXACT = 1e-9  # relative; double precision leaves about 1e-15, and a bias that matters moves answers by percents
KEY, VALUE, ATTENTION_OUTPUT = "k", "v", "m1"


@dataclass(frozen=True, slots=True)
class RedundantTerms:
    """Terms that cannot change an answer, and terms that map to another one, which can carry their deltas."""

    redundant: tuple[str, ...] = ()
    foldable: Mapping[str, str] = field(default_factory=dict)


def find_redundant_terms(
    model: torch.nn.Module, family: Family, inputs: tuple[str, ...], ids: tuple[int, ...]
) -> RedundantTerms:
    """Return the terms that packs may leave out.

    `ids` are the token ids of one text, which is run alone and with padding, with random deltas on the biases.
    """
    trial = _Trial(model, family, inputs, ids)
    return RedundantTerms(
        redundant=(KEY,) if trial.unchanged_by(trial.key_deltas()) else (),
        foldable={VALUE: ATTENTION_OUTPUT} if trial.unchanged_by(trial.folded_deltas()) else {},
    )


class _Trial:
    """A copy of an encoder in double precision, a random delta for each of its biases, and its hidden states without.

    A term and a layer name one bias; where several have the same (as in mobilebert), the last stands for them.
    """

    def __init__(self, model: torch.nn.Module, family: Family, inputs: tuple[str, ...], ids: tuple[int, ...]) -> None:
        self._model = copy.deepcopy(model).double().eval()
        self._parameters = dict(self._model.named_parameters())
        generator = torch.Generator().manual_seed(0)
        self._deltas: dict[str, torch.Tensor] = {}
        self._by_term: dict[tuple[str, int], str] = {}
        for name, value in self._parameters.items():
            if term := family.term(name):
                self._deltas[name] = torch.randn(value.shape, generator=generator, dtype=value.dtype)
                self._by_term[term] = name
        self._tokens = _tokens(inputs, ids)
        self._expected = self._hidden()

    def key_deltas(self) -> dict[str, torch.Tensor]:
        """Return a delta on every key bias."""
        return {name: self._deltas[name] for (term, _), name in self._by_term.items() if term == KEY}

    def folded_deltas(self) -> dict[str, torch.Tensor]:
        """Return a delta on every value bias, and on the output bias of its layer what should undo it.

        Empty where heads share values: then there is no product of the delta and the output's weight.
        """
        deltas: dict[str, torch.Tensor] = {}
        for (term, layer), name in self._by_term.items():
            output = self._by_term.get((ATTENTION_OUTPUT, layer))
            if term != VALUE or output is None:
                continue
            weight = self._parameters[_weight_of(output)].detach()
            if weight.shape[1] != len(self._deltas[name]):
                return {}
            deltas |= {name: self._deltas[name], output: -weight @ self._deltas[name]}
        return deltas

    def unchanged_by(self, deltas: Mapping[str, torch.Tensor]) -> bool:
        """Tell whether there are deltas, and none of the hidden states changes when they are added to the biases."""
        with torch.no_grad():
            for name, delta in deltas.items():
                self._parameters[name].add_(delta)
            found = self._hidden()
            for name, delta in deltas.items():
                self._parameters[name].sub_(delta)
        return bool(deltas) and bool((found - self._expected).norm() <= EXACT * self._expected.norm())

    def _hidden(self) -> torch.Tensor:
        """Return the hidden states of the real tokens, `[tokens, hidden]`."""
        with torch.no_grad():
            hidden: torch.Tensor = self._model(**self._tokens).last_hidden_state
        real: torch.Tensor = hidden[self._tokens[ATTENTION_MASK].bool()]
        return real


def _weight_of(bias: str) -> str:
    """Return the name of the weight that belongs to a linear layer's bias."""
    return bias.removesuffix("bias") + "weight"


def _tokens(inputs: tuple[str, ...], ids: tuple[int, ...]) -> dict[str, torch.Tensor]:
    rows = torch.tensor([ids, ids])
    mask = torch.ones_like(rows)
    mask[1, len(ids) // 2 :] = 0
    tokens = {INPUT_IDS: rows, ATTENTION_MASK: mask, TOKEN_TYPE_IDS: torch.zeros_like(rows)}
    return {name: tokens[name] for name in inputs}
