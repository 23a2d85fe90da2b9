"""The output of a part: its answers, and beside them the rows without, in place once whole or not at all."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from bitfit_runtime.files import TEMPORARY_PREFIX, make_folder
from bitfit_toolkit.bulk.reading import Unanswered
from bitfit_toolkit.bulk.scoring import Answered
from bitfit_toolkit.data.arrow_files import pyarrow
from bitfit_toolkit.errors import PlaceError
from bitfit_toolkit.places import file_system, is_address, reason

GROUP_ROWS: Final = 16384  # of a row group, which is what waits in memory
ROWS_KEY: Final = b"bitfit.rows"  # of the input
UNANSWERED_KEY: Final = b"bitfit.unanswered"
PLAN_KEY: Final = b"bitfit.plan"
KERNELS_KEY: Final = b"bitfit.kernels"


class Sink:
    """One Parquet file, written beside its place and moved there by `place`; left, it is gone."""

    def __init__(self, target: str, schema: Any) -> None:
        self._target, self._schema = target, schema
        self._waiting: list[tuple[Any, ...]] = []
        with _said(target):
            folder = None if is_address(target) else Path(target).parent
            if folder is not None:
                make_folder(folder)
            descriptor, self._temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=folder)
            os.close(descriptor)
            from pyarrow import parquet

            self._writer = parquet.ParquetWriter(self._temporary, schema, compression="zstd")
        self.rows = 0

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows. Raises PlaceError."""
        self._waiting += rows
        self.rows += len(rows)
        while len(self._waiting) >= GROUP_ROWS:
            self._flush()

    def place(self, metadata: dict[bytes, str]) -> None:
        """Write what waits, and move the file into place. Raises PlaceError."""
        while self._waiting:
            self._flush()
        with _said(self._target):
            self._writer.add_key_value_metadata(metadata)
            self._writer.close()
            if is_address(self._target):
                system, path = file_system(self._target)
                system.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH120
                system.put_file(self._temporary, path)  # object stores show a file once it is whole
                return
            Path(self._temporary).chmod(0o644)
            with open(self._temporary, "rb") as stream:  # noqa: PTH123
                os.fsync(stream.fileno())
            Path(self._temporary).replace(self._target)

    def close(self) -> None:
        """Leave nothing behind but what is in place."""
        with contextlib.suppress(Exception):
            self._writer.close()
        Path(self._temporary).unlink(missing_ok=True)

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _flush(self) -> None:
        group, self._waiting = self._waiting[:GROUP_ROWS], self._waiting[GROUP_ROWS:]
        with _said(self._target):
            columns = zip(*group, strict=True)
            arrays = [list(column) for column in columns]
            self._writer.write_table(pyarrow().table(arrays, schema=self._schema), row_group_size=GROUP_ROWS)


def answer_schema() -> Any:
    """Return the columns of answers: `more` holds as JSON what has no column of its own."""
    pa = pyarrow()
    fields = {"row": pa.int64(), "task": pa.string(), "label": pa.string(), "probability": pa.float64()}
    return pa.schema(fields | {"accepted": pa.bool_(), "truncated": pa.bool_(), "more": pa.string()})


def unanswered_schema() -> Any:
    """Return the columns of rows without an answer."""
    pa = pyarrow()
    return pa.schema({"row": pa.int64(), "task": pa.string(), "reason": pa.string()})


def answer_rows(answers: Sequence[Answered]) -> Iterator[tuple[Any, ...]]:
    """Yield answers as rows of `answer_schema`."""
    for number, answer in answers:
        found = answer.as_dict()
        known = [found.pop(name, None) for name in ("label", "probability", "accepted")]
        more = json.dumps(found, ensure_ascii=False) if found else None
        yield number, answer.task, *known, answer.truncated, more


def unanswered_rows(rows: Sequence[Unanswered]) -> Iterator[tuple[Any, ...]]:
    """Yield rows of `unanswered_schema`."""
    for row in rows:
        yield row.number, row.task, row.reason


@contextlib.contextmanager
def _said(target: str) -> Iterator[None]:
    """Raise PlaceError for whatever keeps a file from being written."""
    try:
        yield
    except (OSError, pyarrow().ArrowException) as error:
        raise PlaceError(f"{target} cannot be written ({reason(error)}); name an output that can be written") from None
