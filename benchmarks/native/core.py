"""The C core from Python: as much of `bitfit.h` as the suite calls."""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOGITS = 0


class CRow(ctypes.Structure):
    """`bitfit_row`."""

    _fields_ = (
        ("task", ctypes.c_char_p),
        ("text", ctypes.c_char_p),
        ("text_size", ctypes.c_size_t),
        ("pair", ctypes.c_char_p),
        ("pair_size", ctypes.c_size_t),
    )


class COptions(ctypes.Structure):
    """`bitfit_options`."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("threads", ctypes.c_int),
        ("verify", ctypes.c_int),
        ("self_test", ctypes.c_int),
    )


class CAnswer(ctypes.Structure):
    """`bitfit_answer`."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("type", "truncated", "accepted", "has_outlier")),
        ("outlier", ctypes.c_double),
        ("label_count", ctypes.c_size_t),
        ("labels", ctypes.c_void_p),
        ("probabilities", ctypes.c_void_p),
        ("best", ctypes.c_size_t),
        ("chosen", ctypes.c_void_p),
        ("value", ctypes.c_double),
        ("piece_count", ctypes.c_size_t),
        ("pieces", ctypes.c_void_p),
        ("rows", ctypes.c_size_t),
        ("columns", ctypes.c_size_t),
        ("values", ctypes.POINTER(ctypes.c_float)),
    )


class Core:
    """An engine of the C core, on one thread."""

    def __init__(self, library: Path, base: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.bitfit_error.restype = ctypes.c_char_p
        self._library.bitfit_answer_at.restype = ctypes.POINTER(CAnswer)
        self._engine = ctypes.c_void_p()
        options = COptions(ctypes.sizeof(COptions), 1, 1, 1)
        self._check(self._library.bitfit_open(str(base).encode(), ctypes.byref(options), ctypes.byref(self._engine)))

    def install(self, task: str, pack: Path) -> None:
        """Install a pack."""
        self._check(self._library.bitfit_install(self._engine, task.encode(), str(pack).encode(), None))

    def kernels(self) -> str:
        """Return the kernel fingerprint."""
        digits = ctypes.create_string_buffer(17)
        self._check(self._library.bitfit_kernels(self._engine, digits))
        return digits.value.decode()

    def logits(self, rows: Sequence[Sequence[str | None]]) -> list[bytes]:
        """Return the bits of each row's logits; a row is task, text and second text or None."""
        answers = ctypes.c_void_p()
        given = (CRow * len(rows))(*(_row(*row) for row in rows))
        self._check(
            self._library.bitfit_outputs(self._engine, given, ctypes.c_size_t(len(rows)), LOGITS, ctypes.byref(answers))
        )
        found = []
        for index in range(len(rows)):
            answer = self._library.bitfit_answer_at(answers, ctypes.c_size_t(index)).contents
            found.append(ctypes.string_at(answer.values, 4 * answer.rows * answer.columns))
        self._library.bitfit_release(answers)
        return found

    def _check(self, status: int) -> None:
        if status:
            raise RuntimeError(self._library.bitfit_error().decode())


def _row(task: Any, text: Any, pair: Any) -> CRow:
    text, second = text.encode(), None if pair is None else pair.encode()
    return CRow(task.encode(), text, len(text), second, len(second or b""))
