"""Processors on which a row's bits depend on its width: ARM, and x86 without AVX2."""

from typing import Any

import numpy as np
import pytest

import bitfit_runtime.padding as padding_module
from bitfit_runtime.graph import INPUT_IDS


class WidthSensitive:
    """A session whose outputs depend on the padded width, unless that is a multiple of four."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[np.ndarray]:
        width = feeds[INPUT_IDS].shape[1]
        shift = np.float32(width if width % 4 else 0)
        return [found + shift for found in self._session.run(names, feeds)]


def let_widths_be_multiples_of(monkeypatch: pytest.MonkeyPatch, multiple: int) -> None:
    """Let the probe have found `multiple`."""
    monkeypatch.setattr(padding_module, "padding_multiple", lambda: multiple)
