"""Which packs to train, read from a TOML file."""

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.data import Columns
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.training.options import TrainOptions

FILES = ("train", "eval", "output")
COLUMNS = {"text-column": "text", "text-pair-column": "text_pair", "label-column": "label"}
NUMBER, WORD, INTEGER = (int, float), (str,), (int,)
# Key: the option it sets, and the types that it may have.
OPTIONS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "name": ("task", WORD),
    "type": ("task_type", WORD),
    "terms": ("terms", WORD),
    "class-weights": ("class_weights", WORD),
    "metric": ("metric", WORD),
    "epochs": ("epochs", NUMBER),
    "steps": ("steps", INTEGER),
    "learning-rate": ("learning_rate", NUMBER),
    "batch-size": ("batch_size", INTEGER),
    "max-length": ("max_length", INTEGER),
    "seed": ("seed", INTEGER),
    "encoding": ("encoding", WORD),
    "tolerance": ("tolerance", NUMBER),
}
LISTED = ("seed", "learning-rate")  # a list of them is a run for each
KNOWN = (*FILES, *OPTIONS, *COLUMNS)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One pack to train: what it learns from, how, and where it goes."""

    train: Path
    evaluation: Path
    output: Path
    options: TrainOptions
    columns: Columns = field(default_factory=Columns)


def read_run_configs(path: str | Path, common: TrainOptions) -> list[RunConfig]:
    """Read a file of `[[task]]` tables, and a `[defaults]` table that all of them share.

    A task has `train`, `eval` and `output`, relative to the file, and any key of OPTIONS and COLUMNS, with `common` for
    what neither says. A list of seeds or learning rates makes a run of each, whose output says `{seed}` and
    `{learning-rate}` where it differs. Raises DataError, naming the task and the key.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as TOML ({error}); mend it") from None
    odd = sorted(document.keys() - {"defaults", "task"})
    tables, defaults = document.get("task"), document.get("defaults", {})
    if (
        odd
        or not isinstance(tables, list)
        or not all(isinstance(one, dict) for one in (*tables, defaults))
        or not tables
    ):
        found = f"found {', '.join(odd)}" if odd else "found no task"
        raise DataError(f"{path} should hold [[task]] tables and at most one [defaults] table, {found}")
    assignments = [
        assignment
        for place, table in enumerate(tables, 1)
        for assignment in _expand(f"{path}, task {place}", path.parent, {**defaults, **table}, common)
    ]
    seen: set[Path] = set()
    for assignment in assignments:
        if assignment.output in seen:
            raise DataError(
                f"{path}: two runs would write {assignment.output}; give each an output of its own, with {{seed}} or "
                "{learning-rate} in it where those are lists"
            )
        seen.add(assignment.output)
    return assignments


def _expand(where: str, folder: Path, table: Mapping[str, Any], common: TrainOptions) -> list[RunConfig]:
    _check(where, table)
    listed = {key: table[key] for key in LISTED if isinstance(table.get(key), list)}
    assignments = []
    for values in itertools.product(*listed.values()):
        own = {**table, **dict(zip(listed, values, strict=True))}
        options = replace(common, **{OPTIONS[key][0]: own[key] for key in OPTIONS if key in own})
        output = own["output"]
        for key, value in (("seed", str(options.seed)), ("learning-rate", f"{options.learning_rate:g}")):
            output = output.replace(f"{{{key}}}", value)
        if "name" not in own:
            options = replace(options, task=Path(output).stem)
        columns = Columns(**{COLUMNS[key]: own[key] for key in COLUMNS if key in own})
        assignments.append(RunConfig(folder / own["train"], folder / own["eval"], folder / output, options, columns))
    return assignments


def _check(where: str, table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if key not in KNOWN:
            raise DataError(f"{where}: unknown key {key!r}; known are {', '.join(KNOWN)}")
        allowed = OPTIONS[key][1] if key in OPTIONS else WORD
        values = value if key in LISTED and isinstance(value, list) and value else [value]
        if not all(type(one) in allowed for one in values):
            raise DataError(f"{where}: {key} should be of type {allowed[-1].__name__}, found {value!r}")
    missing = [key for key in FILES if key not in table]
    if missing:
        raise DataError(f"{where}: {missing[0]} is missing; every task needs {', '.join(FILES)}")
    if table.get("type", TrainOptions().task_type) not in TASK_TYPES:
        raise DataError(f"{where}: type should be one of {', '.join(TASK_TYPES)}, found {table['type']!r}")
