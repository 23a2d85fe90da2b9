"""One training run: a task on a base, the model that learns it, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bitfit_runtime import Base, PackInfo
from bitfit_runtime.graph import LOGITS, TOKEN_LOGITS
from bitfit_runtime.transitions import LEARNED
from bitfit_runtime.window_joins import join
from bitfit_runtime.windows import Limit
from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.tasks import TRAINABLE_TASKS, Example, TrainableTask
from bitfit_toolkit.training.evaluation import torch_answers
from bitfit_toolkit.training.model import BitfitModel, build_model, first_layer, resolve_terms
from bitfit_toolkit.training.options import BALANCED, TrainOptions, transitions_of, windows_of, words_of
from bitfit_toolkit.training.starting_pack import StartingPack
from bitfit_toolkit.training.task_data import Item, Preprocessor, TaskData, single_windows
from bitfit_toolkit.training.trunk import Trunks
from bitfit_toolkit.training.window_drawing import WindowDrawing

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Run:
    """The parts of one training run. `info` is what its pack will say of itself, before it is encoded and measured.

    `starting` is the pack that it begins with, where it does not begin with the base and a head drawn by the seed.
    """

    base: Base
    options: TrainOptions
    task: TrainableTask[Any, Any]
    preprocessor: Preprocessor
    model: BitfitModel
    info: PackInfo
    starting: StartingPack | None = None

    @classmethod
    def start(
        cls,
        base: Base,
        examples: Sequence[Example],
        options: TrainOptions,
        encoder: torch.nn.Module | None = None,
        trunks: Trunks | None = None,
    ) -> "Run":
        """Return a run whose labels are those of `examples`, and whose model has learned nothing yet.

        `encoder` is as in `build_model`, `trunks` are those of the encoder where several runs have it. Raises
        TrainingError and DataError on what cannot be learned.
        """
        task = TRAINABLE_TASKS[options.task_type](examples)
        start = first_layer(options)
        terms, biases = resolve_terms(options.terms, base.manifest, start)
        if not biases and not task.task_type.has_head:
            raise TrainingError(
                f"`from_layer` {start} leaves nothing to train: type {options.task_type} has no head; begin lower"
            )
        windows = windows_of(options, base.manifest.max_length)
        info = PackInfo(
            base=base.manifest.digest,
            base_name=base.manifest.name,
            task=options.task,
            task_type=options.task_type,
            labels=task.labels,
            pooling=base.manifest.pooling,
            max_length=min(options.max_length, base.manifest.max_length),
            terms=terms,
            tokenizer=base.manifest.tokenizer_digest,
            from_layer=start,
            windows=windows,
            transitions=transitions_of(options, len(task.labels)),
            words=words_of(options),
        )
        task.words = info.words
        preprocessor = Preprocessor(base, task, Limit.of(info), windows is not None)
        starting = None if options.start_from is None else StartingPack.read(options.start_from, base, info, biases)
        model = build_model(base, task, options, encoder)
        if starting is not None:
            model.load_tensors(starting.tensors(model.tensors(), task))
        run = cls(base, options, task, preprocessor, model, info, starting)
        if start and not options.dropout and not options.simulate_int8 and not run.head_alone:
            trunk = (trunks or Trunks(run.model.encoder, base.manifest, [start])).below(start)
            preprocessor.trunk, run.model.upper = trunk, None if trunk is None else trunk.upper
        return run

    @property
    def head_alone(self) -> bool:
        """Whether nothing learns but a head over pooled vectors, which are then the same at every step."""
        learns = any(parameter.requires_grad for parameter in self.model.encoder.parameters())
        return not learns and self.model.output == LOGITS and self.model.head is not None

    @property
    def metric(self) -> str:
        """The name of the metric that decides."""
        return self.options.metric_for_best_model or self.task.metric_names[0]

    @property
    def limit(self) -> str:
        """The limit at which texts are cut, by name and value."""
        windows = self.info.windows
        return f"max_length {self.info.max_length}" if windows is None else f"max_windows {windows.max_windows}"

    def prepare(self, examples: Sequence[Example]) -> TaskData:
        """Return the examples with their items, pooled already where the encoder does not learn."""
        data = self.preprocessor.prepare(examples)
        if not self.head_alone:
            return data
        pooled = self._features(data.items)
        items = (replace(item, pooled=torch.from_numpy(row)) for item, row in zip(data.items, pooled, strict=True))
        return replace(data, items=tuple(items))

    @property
    def transitions(self) -> Float32 | None:
        """The scores of a tag after another `[labels + 1, labels]`, None where words are decided alone."""
        if self.info.transitions is None:
            return None
        learned, labels = self.task.transitions, len(self.task.labels)
        return np.zeros((labels + 1, labels), np.float32) if learned is None else learned.astype(np.float32)

    def count(self, train: TaskData) -> None:
        """Let the task count in the training data what its loss or its answers need, where the options say so."""
        targets = [item.target for item in train.items]
        if self.options.class_weights == BALANCED:
            self.task.balance(targets)
        if self.info.transitions == LEARNED:
            self.task.learn_transitions(targets)

    def drawing(self, train: TaskData) -> WindowDrawing | None:
        """Return the training data as steps see them where texts have windows: a few of each."""
        windowed = self.info.windows is not None
        return WindowDrawing(train.items, self.task, self.options.seed) if windowed else None

    def finish(self) -> None:
        """Bring the trained head to the units of the labels."""
        self.model.load_tensors(self.task.rescale(self.model.tensors()))

    def answers(self, data: TaskData) -> list[Any]:
        """Return the model's answers in float32."""
        return self.answers_of(data, self.outputs(data.items))

    def answers_of(self, data: TaskData, raw: Sequence[Float32]) -> list[Any]:
        """Return the answers for raw outputs, one per example, postprocessed as the engine does it."""
        return torch_answers(self.info, data, raw, self.transitions)

    def metrics(self, data: TaskData) -> dict[str, float]:
        """Return the model's metrics in float32."""
        return self.task.metrics(data.examples, self.answers(data))

    def outputs(self, items: Sequence[Item]) -> list[Float32]:
        """Return the model's raw output for each item, without dropout, its windows joined as the engine does it."""
        if not self.preprocessor.windowed:
            return self._rows(items)
        without_head = self.model.head is None
        single = [row for item in items for row in single_windows(item)]
        outputs = zip(single, self._rows(single, features=without_head), strict=True)
        of_tokens = self.model.output == TOKEN_LOGITS
        rows = (values[: row.length] if of_tokens else values for row, values in outputs)
        output, found = self.task.task_type.output, list[Float32]()
        for item in items:
            each = [join(text, list(islice(rows, len(text))), output, self.info) for text in item.windows]
            found.append(np.stack(each) if without_head else each[0])
        return found

    def _features(self, items: Sequence[Item]) -> list[Float32]:
        """Return the pooled vector of each item `[hidden]`, or those of its windows `[windows, hidden]`."""
        if not self.preprocessor.windowed:
            return self._rows(items, features=True)
        rows = iter(self._rows([row for item in items for row in single_windows(item)], features=True))
        return [np.stack(list(islice(rows, len(item.windows[0])))) for item in items]

    @torch.no_grad()
    def _rows(self, items: Sequence[Item], features: bool = False) -> list[Float32]:
        """Return the model's raw output (or pooled vector) for each item without windows, without dropout."""
        self.model.eval()
        found: dict[int, Float32] = {}
        for indices, batch in self.preprocessor.inference_batches(items):
            moved = {name: value.to(self.model.device) for name, value in batch.items()}
            output = self.model.features(**moved) if features else self.model(**moved)["logits"]
            found.update(zip(indices, output.float().cpu().numpy(), strict=True))
        return [found[index] for index in range(len(items))]
