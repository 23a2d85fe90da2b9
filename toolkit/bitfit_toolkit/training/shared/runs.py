"""Runs on one encoder: each step of all of them is one forward and one backward pass."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from transformers import get_linear_schedule_with_warmup

from bitfit_runtime.graph import ATTENTION_MASK
from bitfit_runtime.tokenizer import collate
from bitfit_toolkit.training.rates import Rates, rates_for
from bitfit_toolkit.training.run import Float32, Run
from bitfit_toolkit.training.shared.row_biases import RowBiases, own_rows
from bitfit_toolkit.training.steps import steps_of
from bitfit_toolkit.training.task_data import ByLength, Item, TaskData
from bitfit_toolkit.training.trainer import LARGEST_GRADIENT, WARMUP
from bitfit_toolkit.training.trunk import Trunk
from bitfit_toolkit.training.underfit import checked_metric

Batch = list[Item]


class SharedRun:
    """One run's own part: its deltas, its head, their optimizer and schedule, and its batches in order.

    Everything is what `fit` would have given it alone. `begun` is what a further round goes on from. Where there are
    `new` rows, `halfway` is the metric on them at half of the steps.
    """

    def __init__(
        self,
        run: Run,
        data: TaskData,
        multiple: float = 1.0,
        begun: Mapping[str, Float32] | None = None,
        new: TaskData | None = None,
    ) -> None:
        options, model, base = run.options, run.model, run.base
        run.count(data)
        self.run = run
        self.halfway: float | None = None
        self._new, self._done = new, 0
        self._frozen = {spec.name: torch.zeros(spec.size, device=model.device) for spec in base.manifest.biases}
        start = {name: base.default_biases[name] for name in self._frozen if name in model.biases}
        start |= {} if run.starting is None else run.starting.biases
        start |= {name: value for name, value in (begun or {}).items() if name in start}
        self._deltas = {
            name: torch.nn.Parameter(torch.from_numpy(value - base.default_biases[name]).to(model.device))
            for name, value in start.items()
        }
        head = [] if model.head is None else list(model.head.parameters())
        self._parameters = [*self._deltas.values(), *head]
        self.steps = steps_of(options, len(data.items))
        if isinstance(options.learning_rate, str):
            model.load_tensors(start)
            rates = rates_for(run, data.items, multiple)
            model.load_tensors(base.default_biases)
        else:
            rates = Rates.common(run, options.learning_rate)
        self._optimizer = torch.optim.AdamW(rates.groups(self._deltas, head), weight_decay=0.0, fused=True)
        warmup = math.ceil(WARMUP * self.steps)
        self._schedule = get_linear_schedule_with_warmup(self._optimizer, warmup, self.steps)
        self._drawing = run.drawing(data)
        self.batches = self._batches(data.items)

    @property
    def deltas(self) -> torch.Tensor:
        """How far each bias is from the base's, `[all biases]`; 0 for those that do not learn."""
        return torch.cat([self._deltas.get(name, zeros) for name, zeros in self._frozen.items()])

    def step(self) -> None:
        """Learn from the gradients that a backward pass left."""
        torch.nn.utils.clip_grad_norm_(self._parameters, LARGEST_GRADIENT)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        self._done += 1
        if self._new is not None and self._done == self.steps // 2:
            self._load()
            self.halfway = checked_metric(self.run, self._new)
            self.run.model.load_tensors(self.run.base.default_biases)

    def finish(self) -> None:
        """Put the deltas into the run's model, in place of whatever task the shared encoder had."""
        self._load()
        self.run.finish()

    def _load(self) -> None:
        base = self.run.base
        pieces = torch.split(self.deltas.detach().cpu(), [spec.size for spec in base.manifest.biases])
        learned = zip(base.manifest.biases, pieces, strict=True)
        biases = {spec.name: base.default_biases[spec.name] + piece.numpy() for spec, piece in learned}
        self.run.model.load_tensors(biases)

    def _batches(self, items: Sequence[Item]) -> Iterator[Batch]:
        size = self.run.options.per_device_train_batch_size
        order = ByLength([item.length for item in items], size, self.run.options.seed)
        epoch = 0
        while True:
            order.set_epoch(epoch)
            indices, seen = list(order), items
            if self._drawing is not None:
                self._drawing.begin(epoch)
                seen = self._drawing
            for start in range(0, len(indices), size):
                yield [seen[index] for index in indices[start : start + size]]
            epoch += 1


def fit_together(
    runs: Sequence[SharedRun], rows: RowBiases, notify: Callable[[int, int], None], trunk: Trunk | None = None
) -> None:
    """Train all runs to the end of their own steps; `notify` gets the steps done and the steps in all.

    `trunk` lies below the first layer of every run. A run that has finished takes no more rows. The gradients of one
    never touch another: they share only weights that do not learn.
    """
    most = max(run.steps for run in runs)
    for step in range(most):
        active = [run for run in runs if step < run.steps]
        loss = joint_loss(active, [next(run.batches) for run in active], rows, trunk)
        torch.autograd.backward(loss)
        for run in active:
            run.step()
        notify(step + 1, most)


def joint_loss(
    runs: Sequence[SharedRun], batches: Sequence[Batch], rows: RowBiases, trunk: Trunk | None = None
) -> torch.Tensor:
    """Return the sum of the runs' mean losses over a batch of each."""
    base, device = runs[0].run.base.manifest, runs[0].run.model.device
    texts = [[text for item in batch for text in item.rows] for batch in batches]
    together = [text for own in texts for text in own]
    arrays = collate(together, base.inputs, base.pad_token_id)
    hidden = None if trunk is None else trunk.states(together).to(device)
    tokens = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    counts = torch.tensor([len(own) for own in texts], device=device)
    deltas = torch.stack([run.deltas for run in runs]).repeat_interleave(counts, dim=0)
    losses: list[torch.Tensor] = []
    with torch.autocast(device.type, torch.bfloat16, enabled=runs[0].run.options.precision == "bf16"):
        encoded = rows.encode(deltas, tokens, hidden, None if trunk is None else trunk.upper)
        start = 0
        for one, batch, own in zip((shared.run for shared in runs), batches, texts, strict=True):
            part, width = slice(start, start + len(own)), max(map(len, own))
            said = {name: value.to(device) for name, value in one.preprocessor.targets(batch, width).items()}
            targets = said.pop("labels")
            mask = tokens[ATTENTION_MASK][part, :width]
            raw = one.model.raw_output(own_rows(encoded, part, width), mask, said)
            losses.append(one.task.loss(raw, targets))
            start += len(own)
    return torch.stack(losses).sum()
