"""Vectors of windows: how texts are cut, and how outputs are joined."""

import random
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from bitfit_runtime import PackInfo
from bitfit_runtime.formats.pack import Windows
from bitfit_runtime.graph import LOGITS, POOLED, TOKEN_LOGITS
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.window_joins import join
from bitfit_runtime.windows import Limit, WindowedText
from vectors.answering import float32
from vectors.texts import SENTENCES
from vectors.vocabularies import tokenizers_of_vectors

CUT: Final = 160  # cases
HUGE: Final = float(np.finfo(np.float32).max)
TOLERANCE: Final = 1e-6  # of float32 that float64 was rounded to
TEXTS: Final = tuple(text for text in SENTENCES if text.strip())


def window_cases() -> Iterator[dict[str, Any]]:
    """Yield texts, and pairs, cut into windows."""
    rng = random.Random(7)
    tokenizers = {name: Tokenizer(made) for name, made in tokenizers_of_vectors().items()}
    for index in range(CUT):
        name, task_type = rng.choice(list(tokenizers)), rng.choice(list(TASK_TYPES))
        text = " ".join(rng.choices(TEXTS, k=rng.randrange(1, 4)))
        pair = rng.choice((None, None, "", "Where?", " ".join(rng.choices(TEXTS, k=2))))
        max_length = rng.choice((3, 4, 5, 6, 8, 12, 16, 31, 64))
        windows = Windows(
            rng.choice(TASK_TYPES[task_type].joins), rng.randrange(max_length // 2 + 1), rng.choice((1, 2, 3, 7, 1024))
        )
        chosen = windows if index % 8 else None
        limit = Limit.over(max_length, chosen, task_type)
        (found,) = tokenizers[name].tokenize_windows([(text, pair)], [limit])
        yield _asked(name, text, pair, max_length, task_type, chosen) | {
            "side": found.side,
            "slices": [[part.start, part.stop] for part in found.slices],
            "ids": [window.ids.tolist() for window in found.windows],
            "type_ids": [window.type_ids.tolist() for window in found.windows],
            "speakers": found.speakers().tolist(),
            "truncated": found.text.truncated,
        }


def join_cases() -> Iterator[dict[str, Any]]:
    """Yield outputs of windows, joined."""
    rng = np.random.default_rng(11)
    for task_type in ("classification", "multi-label", "regression", "embedding"):
        for rule in TASK_TYPES[task_type].joins:
            for parts in _outputs(rng, 1 if task_type == "regression" else 5):
                output = POOLED if task_type == "embedding" else LOGITS
                yield _joined({}, None, parts, output, task_type, Windows(rule, 2, 7))
    tokenizer, labels = Tokenizer(tokenizers_of_vectors()["uncased"]), 3
    for task_type in ("token-classification", "span"):
        for text, pair in zip(TEXTS[2:14], (None, TEXTS[3], None, TEXTS[7]) * 3, strict=True):
            windows = Windows("offsets", 4, 6)
            (cut,) = tokenizer.tokenize_windows([(text, pair)], [Limit.over(16, windows, task_type)])
            parts = [rng.standard_normal((len(window), labels)).astype(np.float32) for window in cut.windows]
            asked = _asked("uncased", text, pair, 16, task_type, windows)
            yield _joined(asked, cut, parts, TOKEN_LOGITS, task_type, windows)


def _outputs(rng: np.random.Generator, size: int) -> Iterator[list[np.ndarray]]:
    for count in (2, 3, 7):
        yield [(5 * rng.standard_normal(size)).astype(np.float32) for _ in range(count)]
    for parts in ((0, 0), (40, -40), (-90, -95), (200, 300), (HUGE, HUGE), (-HUGE, -HUGE), (HUGE, -HUGE), (1e-30, 0)):
        yield [np.resize(np.array([part, -part, part, 0, part / 2], np.float32), size) for part in parts]


def _asked(
    tokenizer: str, text: str, pair: str | None, max_length: int, task_type: str, windows: Windows | None
) -> dict[str, Any]:
    declared = None if windows is None else _document(windows)
    head = {"tokenizer": tokenizer, "text": text, "pair": pair, "max_length": max_length}
    return head | {"task_type": task_type, "windows": declared}


def _document(windows: Windows) -> dict[str, Any]:
    return {"join": windows.join, "overlap": windows.overlap, "max_windows": windows.max_windows}


def _joined(
    asked: dict[str, Any],
    cut: WindowedText | None,
    parts: list[np.ndarray],
    output: str,
    task_type: str,
    windows: Windows,
) -> dict[str, Any]:
    labels = tuple(map(str, range(parts[0].shape[-1])))
    info = PackInfo("", "", "", task_type, labels, "mean", 16, (), windows=windows)
    assert cut is None or len(cut) == len(parts)
    found = join(cut, parts, output, info)  # type: ignore[arg-type]
    shape = {"shape": list(found.shape), "joined": float32(found)}
    declared = {"task_type": task_type, "windows": _document(windows), "output": output}
    return asked | declared | {"parts": [float32(part) for part in parts], "tolerance": TOLERANCE} | shape
