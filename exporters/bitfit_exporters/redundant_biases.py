"""Which bias terms an architecture can do without, found by trying on the model itself, in double precision.

With absolute positions a key bias adds the same to every score of a query, which softmax forgives; and since attention
weights sum to one, a value bias passes through attention as it is, so that Δb_m1 = W_o Δb_v does the same. Neither
needs to hold where scores or values depend on positions in another way.
"""

import copy
from collections.abc import Mapping

import torch

from bitfit_exporters.families import Family
from bitfit_runtime.graph import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS

EXACT = 1e-9  # relative; double precision leaves about 1e-15, and a bias that matters moves answers by percents
KEY, VALUE, ATTENTION_OUTPUT = "k", "v", "m1"


def exact_algebra(
    model: torch.nn.Module, family: Family, inputs: tuple[str, ...], ids: tuple[int, ...]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the terms that cannot change an answer, and the terms that another one can stand in for.

    `ids` are token ids of one text, run alone and with padding, with random moves of the biases.
    """
    twin = copy.deepcopy(model).double().eval()
    biases = {name: value for name, value in twin.named_parameters() if family.term(name)}
    by_place = {family.term(name): name for name in biases}
    tokens = _tokens(inputs, ids)
    generator = torch.Generator().manual_seed(0)
    moves = {name: torch.randn(value.shape, generator=generator, dtype=value.dtype) for name, value in biases.items()}
    expected = _hidden(twin, tokens)

    def unchanged_by(changes: Mapping[str, torch.Tensor]) -> bool:
        with torch.no_grad():
            for name, change in changes.items():
                biases[name].add_(change)
            found = _hidden(twin, tokens)
            for name, change in changes.items():
                biases[name].sub_(change)
        return bool(changes) and bool((found - expected).norm() <= EXACT * expected.norm())

    places = [place for place in by_place if place is not None]
    keys = {by_place[place]: moves[by_place[place]] for place in places if place[0] == KEY}
    inert = (KEY,) if unchanged_by(keys) else ()
    values: dict[str, torch.Tensor] = {}
    weights = dict(twin.named_parameters())
    for term, layer in places:
        output = by_place.get((ATTENTION_OUTPUT, layer))
        if term == VALUE and output is not None:
            name, weight = by_place[term, layer], weights[weight_of(output)].detach()
            if weight.shape[1] != len(moves[name]):  # heads share values: no product of these two
                return inert, {}
            values |= {name: moves[name], output: -weight @ moves[name]}
    return inert, {VALUE: ATTENTION_OUTPUT} if unchanged_by(values) else {}


def weight_of(bias: str) -> str:
    """Return the name of the weight that belongs to a linear layer's bias."""
    return bias.removesuffix("bias") + "weight"


def _tokens(inputs: tuple[str, ...], ids: tuple[int, ...]) -> dict[str, torch.Tensor]:
    rows = torch.tensor([ids, ids])
    mask = torch.ones_like(rows)
    mask[1, len(ids) // 2 :] = 0
    tokens = {INPUT_IDS: rows, ATTENTION_MASK: mask, TOKEN_TYPE_IDS: torch.zeros_like(rows)}
    return {name: tokens[name] for name in inputs}


def _hidden(model: torch.nn.Module, tokens: Mapping[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        hidden: torch.Tensor = model(**tokens).last_hidden_state
    real: torch.Tensor = hidden[tokens[ATTENTION_MASK].bool()]
    return real
