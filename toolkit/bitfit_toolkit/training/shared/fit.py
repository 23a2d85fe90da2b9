"""Trains several learners on one encoder, each step of all of them in one forward and one backward pass."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from transformers import get_linear_schedule_with_warmup

from bitfit_runtime.graph import ATTENTION_MASK
from bitfit_runtime.tokenizer import collate
from bitfit_toolkit.training.learner import Learner
from bitfit_toolkit.training.order import ByLength
from bitfit_toolkit.training.shared.row_biases import RowBiases, own_rows
from bitfit_toolkit.training.trainer import LARGEST_GRADIENT, WARMUP, lengths

Items = list[dict[str, Any]]


class Student:
    """One learner's own part: its moves, its head, their optimizer and schedule, and its batches in order.

    Everything is what `fit` would have given it alone.
    """

    def __init__(self, learner: Learner, items: Items) -> None:
        options, base = learner.options, learner.base.manifest
        learner.balance(items)
        self.learner, self._items = learner, items
        device = next(learner.model.parameters()).device
        learnt = [np.full(spec.size, spec.name in learner.model.biases) for spec in base.biases]
        self._mask = torch.from_numpy(np.concatenate(learnt)).float().to(device)
        self._moves = torch.nn.Parameter(torch.zeros_like(self._mask))
        head = learner.model.head
        self._parameters = [self._moves, *([] if head is None else head.parameters())]
        self.steps = options.steps or math.ceil(options.epochs * math.ceil(len(items) / options.batch_size))
        self._optimizer = torch.optim.AdamW(self._parameters, options.learning_rate, weight_decay=0.0, fused=True)
        warmup = math.ceil(WARMUP * self.steps)
        self._schedule = get_linear_schedule_with_warmup(self._optimizer, warmup, self.steps)
        self.batches = self._batches()

    @property
    def moves(self) -> torch.Tensor:
        """How far each bias of the base has moved, `[all biases]`; those that do not learn stay."""
        return self._moves * self._mask

    def step(self) -> None:
        """Learn from the gradients that a backward pass left."""
        torch.nn.utils.clip_grad_norm_(self._parameters, LARGEST_GRADIENT)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()

    def finish(self) -> None:
        """Put the moves into the learner's model, in place of whatever task the shared encoder had."""
        base = self.learner.base
        pieces = torch.split(self.moves.detach().cpu(), [spec.size for spec in base.manifest.biases])
        moved = zip(base.manifest.biases, pieces, strict=True)
        biases = {spec.name: base.default_biases[spec.name] + piece.numpy() for spec, piece in moved}
        self.learner.model.load_tensors(biases)
        self.learner.finish()

    def _batches(self) -> Iterator[Items]:
        order = ByLength(lengths(self._items), self.learner.options.batch_size, self.learner.options.seed)
        epoch, size = 0, self.learner.options.batch_size
        while True:
            order.set_epoch(epoch)
            indices = list(order)
            for start in range(0, len(indices), size):
                yield [self._items[index] for index in indices[start : start + size]]
            epoch += 1


def fit_many(students: Sequence[Student], rows: RowBiases, notify: Callable[[int, int], None]) -> None:
    """Train all students to the end of their own steps; `notify` gets the steps done and the steps in all.

    A student that has finished takes no more rows. The gradients of one never touch another: they share only weights
    that do not learn.
    """
    most = max(student.steps for student in students)
    for step in range(most):
        active = [student for student in students if step < student.steps]
        loss = joint_loss(active, [next(student.batches) for student in active], rows)
        torch.autograd.backward(loss)
        for student in active:
            student.step()
        notify(step + 1, most)


def joint_loss(students: Sequence[Student], batches: Sequence[Items], rows: RowBiases) -> torch.Tensor:
    """Return the sum of the students' mean losses over a batch of each."""
    base, device = students[0].learner.base.manifest, students[0].moves.device
    texts = [[text for item in batch for text in item["texts"]] for batch in batches]
    arrays = collate([text for own in texts for text in own], base.inputs, base.pad_token_id)
    tokens = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    counts = torch.tensor([len(own) for own in texts], device=device)
    moves = torch.stack([student.moves for student in students]).repeat_interleave(counts, dim=0)
    dtype = torch.bfloat16 if students[0].learner.options.precision == "bf16" else None
    losses: list[torch.Tensor] = []
    with torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None):
        encoded = rows.encode(moves, tokens)
        start = 0
        for student, batch, own in zip(students, batches, texts, strict=True):
            part, width = slice(start, start + len(own)), max(map(len, own))
            raw = student.learner.model.judge(own_rows(encoded, part, width), tokens[ATTENTION_MASK][part, :width])
            targets = torch.from_numpy(student.learner.kind.stack([item["labels"] for item in batch], width))
            losses.append(student.learner.kind.loss(raw, targets.to(device)))
            start += len(own)
    return torch.stack(losses).sum()
