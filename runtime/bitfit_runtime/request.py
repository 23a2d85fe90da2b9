"""A request: one row of a call, tokenized, with the pack that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bitfit_runtime.formats import Pack
from bitfit_runtime.graph import LAST_HIDDEN_STATE, LOGITS, TOKEN_LOGITS
from bitfit_runtime.inputs import Row
from bitfit_runtime.tasks import TASK_TYPES, Answer, HeadOutput
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.window_joins import join
from bitfit_runtime.windows import WindowedText

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Request:
    """One row of a call, or one window of it, ready to run.

    `pack` answers it, None being the bare base; `output` is the graph's output that is wanted of it.
    """

    row: Row
    pack: Pack | None
    tokens: TokenizedText
    output: str

    @property
    def head(self) -> Pack | None:
        """The pack whose head the output goes through, None where it goes through none."""
        return self.pack if self.output in (LOGITS, TOKEN_LOGITS) else None

    def without_padding(self, values: Float32) -> Float32:
        """Return this row's part of its row of the graph's output."""
        if self.output in (TOKEN_LOGITS, LAST_HIDDEN_STATE):
            values = values[: len(self.tokens)]
        if self.output in (LOGITS, TOKEN_LOGITS) and self.pack is not None:
            values = values[..., : len(self.pack.info.labels)]
        return values

    def answer(self, values: Float32) -> Answer:
        """Turn this row's output, without padding, into the answer of its task's type."""
        assert self.pack is not None and self.row.task is not None
        info = self.pack.info
        answer: Answer = TASK_TYPES[info.task_type].postprocess(
            HeadOutput(
                self.row.task,
                info.labels,
                self.row,
                values,
                self.tokens,
                of_first_version=info.tokenizer is None,
                transitions=self.pack.transitions,
                words=info.words,
            )
        )
        return answer


@dataclass(frozen=True, slots=True)
class WindowedRequest:
    """One row of a call, as a `whole` and in the windows in which it runs: one, unless it is longer than its limit."""

    whole: Request
    text: WindowedText

    @property
    def requests(self) -> list[Request]:
        """A request for each window."""
        return [replace(self.whole, tokens=window) for window in self.text.windows]

    def join(self, parts: Sequence[Float32]) -> Float32:
        """Return the row's output for those of its windows."""
        pack = self.whole.pack
        return parts[0] if pack is None else join(self.text, parts, self.whole.output, pack.info)
