"""A request: one row of a call, tokenized, with the pack that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bitfit_runtime.errors import PackFormatError
from bitfit_runtime.formats import Pack, PackInfo
from bitfit_runtime.graph import LAST_HIDDEN_STATE, LOGITS, POOLED, TOKEN_LOGITS
from bitfit_runtime.inputs import Row
from bitfit_runtime.outliers import outlier_score
from bitfit_runtime.tasks import TASK_TYPES, Answer, HeadOutput
from bitfit_runtime.tokenized_text import TokenizedText
from bitfit_runtime.window_joins import join
from bitfit_runtime.windows import WindowedText

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Request:
    """One row of a call, or one window of it, ready to run.

    `pack` answers it, None being the bare base; `output` is the graph's output that is wanted of it, and its `pooled`
    vector is wanted besides where that is so.
    """

    row: Row
    pack: Pack | None
    tokens: TokenizedText
    output: str
    pooled: bool = False

    @property
    def head(self) -> Pack | None:
        """The pack whose head the output goes through, None where it goes through none."""
        return self.pack if self.output in (LOGITS, TOKEN_LOGITS) else None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every output of the graph that is wanted."""
        return (self.output, POOLED) if self.pooled else (self.output,)

    def without_padding(self, values: Float32) -> Float32:
        """Return this row's part of its row of the graph's output."""
        if self.output in (TOKEN_LOGITS, LAST_HIDDEN_STATE):
            values = values[: len(self.tokens)]
        if self.output in (LOGITS, TOKEN_LOGITS) and self.pack is not None:
            values = values[..., : len(self.pack.info.labels)]
        return values

    def answer(self, found: "Found", centres: Float32 | None = None) -> Answer:
        """Turn what was found for this row into the answer of its task's type; `centres` are its pack's, if any.

        Raises PackFormatError where that is not a finite number: no comparison of such numbers means anything.
        """
        assert self.pack is not None
        if not np.isfinite(found.values).all():
            raise PackFormatError(
                f"pack {self.pack.info.task!r} gives a number that is not finite, for its values are too large for the "
                "base; install an earlier pack or train it again"
            )
        return answer(self.pack.info, self.row, self.tokens, found, self.pack.transitions, centres)


class Found(NamedTuple):
    """What the graph gave for a row, without padding: the output that was wanted, and the pooled vector besides."""

    values: Float32
    pooled: Float32 | None = None


def answer(
    info: PackInfo,
    row: Row,
    tokens: TokenizedText,
    found: Found,
    transitions: Float32 | None = None,
    centres: Float32 | None = None,
) -> Answer:
    """Return the answer of a pack to a row that names its task.

    `transitions` are the pack's, and `centres` too, where it tells outliers.
    """
    assert row.task is not None
    decisions, score = info.decisions, None
    if decisions is not None and decisions.outliers is not None and centres is not None:
        score = outlier_score(decisions.outliers, centres, found.values, found.pooled, decisions.temperature)
    output = HeadOutput(
        row.task,
        info.labels,
        row,
        found.values,
        tokens,
        of_first_version=info.tokenizer is None,
        transitions=transitions,
        words=info.words,
        decisions=decisions,
        outlier=score,
    )
    given: Answer = TASK_TYPES[info.task_type].postprocess(output)
    return given


@dataclass(frozen=True, slots=True)
class WindowedRequest:
    """One row of a call, as a `whole` and in the windows in which it runs: one, unless it is longer than its limit."""

    whole: Request
    text: WindowedText

    @property
    def requests(self) -> list[Request]:
        """A request for each window."""
        if len(self.text) == 1:
            return [self.whole]
        return [replace(self.whole, tokens=window) for window in self.text.windows]

    def join(self, parts: Sequence[Found]) -> Found:
        """Return what was found for the row by what was for its windows."""
        pack, text = self.whole.pack, self.text
        if pack is None or len(parts) == 1:
            return parts[0]
        values = join(text, [part.values for part in parts], self.whole.output, pack.info)
        pooled = [part.pooled for part in parts if part.pooled is not None]
        return Found(values, join(text, pooled, POOLED, pack.info) if pooled else None)
