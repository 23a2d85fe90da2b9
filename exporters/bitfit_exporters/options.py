"""Options of an export."""

from dataclasses import dataclass

from bitfit_exporters.errors import ExportError
from bitfit_runtime.formats import ACTIVATIONS, PRECISIONS
from bitfit_runtime.graph import POOLINGS

SHORTEST = 8  # the least `max_length`


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a user may choose about an export.

    - `precision`: `int8`, `int4` (half the size) or `fp32`.
    - `pooling`: `mean`, `cls` or `pooler`; None is what sentence-transformers' files say, else the family's default.
    - `max_length`: the longest input in tokens, at least 8 and at most as many as the model has positions; None is what
      those files say, else that many.
    - `revision`: branch, tag or commit on the hub; None is the default branch.
    - `offline`: use folders and the local cache only.
    - `name`: name of the base; None is the last part of the model's name or folder.
    - `branch_points`: encoder layers, ascending from 1, below which rows may branch, so that tasks share what lies
      below; the number of layers is the point after all. None is after about 1/3, 1/2, 2/3, 5/6 and all of them.
    - `activations`: `dynamic`, a scale for each row, or `static`, constants that are calibrated on texts.
    - `calibration`: texts on which static activations are calibrated, besides those that the exporter has.
    """

    precision: str = "int8"
    pooling: str | None = None
    max_length: int | None = None
    revision: str | None = None
    offline: bool = False
    name: str | None = None
    branch_points: tuple[int, ...] | None = None
    activations: str = "dynamic"
    calibration: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise ExportError, naming the option, where a value is not one of those above."""
        for name, kind, expected in (
            ("precision", str, "a string"),
            ("pooling", str, "a string or None"),
            ("max_length", int, "a whole number or None"),
            ("revision", str, "a string or None"),
            ("offline", bool, "True or False"),
            ("name", str, "a string or None"),
            ("activations", str, "a string"),
        ):
            value = getattr(self, name)
            if not (value is None and expected.endswith("None")) and (
                not isinstance(value, kind) or (isinstance(value, bool) and kind is int)
            ):
                raise ExportError(f"`{name}` should be {expected}, found {value!r}")
        if self.precision not in PRECISIONS:
            raise ExportError(f"unknown precision {self.precision!r}; choose one of {', '.join(PRECISIONS)}")
        if self.pooling is not None and self.pooling not in POOLINGS:
            raise ExportError(f"unknown pooling {self.pooling!r}; choose one of {', '.join(POOLINGS)}")
        self._check_activations()
        if self.max_length is not None and self.max_length < SHORTEST:
            raise ExportError(f"`max_length` should be at least {SHORTEST} tokens, found {self.max_length}")
        points = self.branch_points
        if points is not None and not (
            isinstance(points, tuple)
            and all(isinstance(point, int) and not isinstance(point, bool) and point >= 1 for point in points)
            and list(points) == sorted(set(points))
        ):
            raise ExportError(f"`branch_points` should be layers ascending from 1, or None, found {points!r}")

    def _check_activations(self) -> None:
        if self.activations not in ACTIVATIONS:
            raise ExportError(f"unknown `activations` {self.activations!r}; choose one of {', '.join(ACTIVATIONS)}")
        if self.activations == "static" and self.precision == "fp32":
            raise ExportError("`activations` static needs `precision` int8 or int4; fp32 rounds no activations")
        if not isinstance(self.calibration, tuple) or not all(isinstance(text, str) for text in self.calibration):
            raise ExportError(f"`calibration` should be a tuple of texts, found {type(self.calibration).__name__}")
        if self.calibration and self.activations != "static":
            raise ExportError("`calibration` is for `activations` static; leave one out, or choose the other")
