"""Joins of windows in torch, to learn through: the rules of `bitfit_runtime.window_joins` for a batch of texts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch

from bitfit_runtime.tasks.base import MAXIMUM, MEAN, NOISY_OR
from bitfit_runtime.tasks.classification import CLASSIFICATION
from bitfit_toolkit.tasks import TrainableTask

SMALLEST: Final = 1e-300  # of a float64 whose logarithm is taken
Rule = Callable[[torch.Tensor], torch.Tensor]


def join_rows(rows: torch.Tensor, counts: Sequence[int], rule: Rule) -> torch.Tensor:
    """Return `[texts, …]` for the output of their windows, `[rows, …]`; `counts` says how many each has."""
    parts = torch.split(rows.float(), list(counts))
    return torch.stack([rule(part) if len(part) > 1 else part[0] for part in parts])


def join_tokens(rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return token logits `[texts, tokens, labels]` for those of windows, `[windows, sequence, labels]`.

    `places [texts, tokens]` says where in `windows · sequence` the token speaks, -1 where there is none; its logits are
    then so small that no softmax over tokens sees them.
    """
    joined = rows.flatten(0, 1)[places.clamp(min=0)]
    return joined.masked_fill((places < 0)[..., None], torch.finfo(rows.dtype).min)


def rule(task: TrainableTask[Any, Any], join: str) -> Rule:
    """Return the rule of that name for logits, or pooled vectors, of a task."""
    rules = OF_ONE_LABEL if task.task_type == CLASSIFICATION else OF_ANY_LABELS
    return rules.get(join, mean)


def mean(part: torch.Tensor) -> torch.Tensor:
    """Return the mean."""
    return part.mean(0)


def maximum(part: torch.Tensor) -> torch.Tensor:
    """Return the largest value of each label."""
    return part.amax(0)


def noisy_or(part: torch.Tensor) -> torch.Tensor:
    """Return the logit of 1 - Π(1 - p), p the sigmoids."""
    surely = torch.nn.functional.softplus(part.double(), threshold=700).sum(0)
    return (surely + _log_of_any(surely)).to(part.dtype)


def noisy_or_of_one(part: torch.Tensor) -> torch.Tensor:
    """Return log(1 - Π(1 - p)), p the softmax of each window."""
    logits = part.double()
    labels = logits.shape[1]
    others = logits[:, None].expand(-1, labels, -1)
    others = others.masked_fill(torch.eye(labels, dtype=torch.bool, device=part.device), -torch.inf)
    surely = (logits.logsumexp(1, keepdim=True) - others.logsumexp(2)).sum(0)
    return _log_of_any(surely).to(part.dtype)


def _log_of_any(surely: torch.Tensor) -> torch.Tensor:
    """Return log(1 - exp(-surely))."""
    return torch.log(-torch.expm1(-surely.clamp(min=SMALLEST)))


OF_ANY_LABELS: Final[Mapping[str, Rule]] = {MEAN: mean, MAXIMUM: maximum, NOISY_OR: noisy_or}
OF_ONE_LABEL: Final[Mapping[str, Rule]] = {**OF_ANY_LABELS, NOISY_OR: noisy_or_of_one}
