"""Methods to adapt an encoder to a task: which parameters learn."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from bitfit_runtime.errors import MissingExtraError
from bitfit_runtime.formats import Manifest
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.options import AUTO
from bitfit_toolkit.training.run import Run

# Learning rates, or multiples of measured ones, that any method may arrive at; each begins with three of them.
LADDER = tuple(float(f"{digit}e{power}") for power in range(-6, 2) for digit in (1, 3))
BIAS_RATES = (1e-3, 3e-3, 1e-2)
MULTIPLES = (0.3, 1.0, 3.0)
WEIGHT_RATES = (1e-4, 3e-4, 1e-3)
LORA_RATES = (3e-4, 1e-3, 3e-3)
HEAD_RATES = (1e-2, 3e-2, 1e-1)


@dataclass(frozen=True, slots=True)
class Method:
    """How a task is learned. Every method has the same pooling and the same linear head, which always learns.

    `terms` are the bias terms of the pack, `none` where the method leaves no pack, and `from_layer` the first layer
    whose biases learn, or auto. `choose` marks the encoder's parameters that learn, where they are not those terms.
    `on_reference` starts from the reference base's weights, as someone would who does not quantize; the others learn
    around the weights that ship. `rates` are the learning rates to begin with, where
    they are `measured` multiples of what `learning_rate` auto measures.
    """

    name: str
    rates: tuple[float, ...]
    terms: str = "none"
    from_layer: int | str = 0
    choose: Callable[[Run, int], None] | None = None
    on_reference: bool = False
    measured: bool = False

    @property
    def packs(self) -> bool:
        """Whether the engine can run what was learned."""
        return self.choose is None and not self.on_reference

    @property
    def trains_biases_alone(self) -> bool:
        """Whether the encoder's gradients are those of biases, which cost a step 0.6 of full fine-tuning's."""
        return self.terms != "none"


def method(name: str) -> Method:
    """Return a method by name; any other name is taken for bias terms such as `q,m2`.

    With `@` and a layer, or `@auto`, biases learn from there on: `bitfit@3`. Raises TrainingError on others.
    """
    known = {one.name: one for one in METHODS}
    plain, at, start = name.partition("@")
    found = known.get(plain) or Method(plain, MULTIPLES, terms=plain, measured=True)
    if not at:
        return found
    if found.terms == "none" or not found.packs or not (start == AUTO or start.isdecimal()):
        raise TrainingError(
            f"`methods` has {name!r}, expected a method that trains biases, @, and a layer or auto, such as bitfit@3"
        )
    return replace(found, name=name, from_layer=AUTO if start == AUTO else int(start))


def _all(run: Run, seed: int) -> None:
    del seed
    run.model.encoder.requires_grad_(True)


def _random(run: Run, seed: int) -> None:
    """As many parameters as BitFit trains, drawn from all of the encoder (Ben Zaken et al., 2021, section 4)."""
    count = bias_count(run.base.manifest)
    parameters = list(run.model.encoder.parameters())
    total = sum(p.numel() for p in parameters)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(total, generator=generator)[:count]
    start = 0
    for parameter in parameters:
        inside = chosen[(chosen >= start) & (chosen < start + parameter.numel())] - start
        start += parameter.numel()
        if len(inside) > 0:
            mask = torch.zeros(parameter.numel()).index_fill_(0, inside, 1).view_as(parameter).to(parameter.device)
            parameter.requires_grad_(True)
            parameter.register_hook(partial(torch.mul, mask))  # type: ignore[no-untyped-call]


def _lora(run: Run, seed: int) -> None:
    """Rank-8 updates of the query and value projections (Hu et al., 2021, arXiv:2106.09685)."""
    del seed
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError.from_import("the method lora", error, "compare") from None
    targets = [b.name.removesuffix(".bias") for b in run.base.manifest.biases if b.term in ("q", "v", "qkv")]
    inject_adapter_in_model(LoraConfig(r=8, lora_alpha=16, target_modules=targets), run.model.encoder)


def bias_count(base: Manifest) -> int:
    """Return how many parameters BitFit trains in the encoder: those that can change an answer."""
    return sum(spec.size for spec in base.biases if spec.term not in base.redundant_terms)


METHODS = (
    Method("full", WEIGHT_RATES, choose=_all, on_reference=True),
    Method("bitfit", MULTIPLES, terms="all", measured=True),
    Method("q,m2", MULTIPLES, terms="q,m2", measured=True),
    Method("random", BIAS_RATES, choose=_random, on_reference=True),
    Method("head", HEAD_RATES),
    Method("lora", LORA_RATES, choose=_lora, on_reference=True),
    Method("bitfit-fp32", MULTIPLES, terms="all", on_reference=True, measured=True),
)
