"""Configuration of runs that share their passes: what each trains, read from a TOML file."""

import itertools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bitfit_runtime.errors import first_line
from bitfit_runtime.tasks import TASK_TYPES
from bitfit_toolkit.data import Columns, Data
from bitfit_toolkit.errors import DataError
from bitfit_toolkit.places import placed
from bitfit_toolkit.training.option_spec import OptionSpec, Sharing, option_specs
from bitfit_toolkit.training.options import TrainOptions

NEEDED: Final = ("train", "output")
FILES: Final = (*NEEDED, "eval")
COLUMNS: Final = {
    "text-column": "text",
    "text-pair-column": "text_pair",
    "label-column": "label",
    "text-encoding": "text_encoding",
    "sentence-column": "sentence",
}


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One pack to train: what it learns from, how, and where it goes. Data are what `load_examples` takes."""

    train: Data
    evaluation: Data | None
    output: str | Path
    options: TrainOptions
    columns: Columns = field(default_factory=Columns)


def toml_options(options: type[TrainOptions]) -> dict[str, OptionSpec]:
    """Return the options that a run can set for itself in TOML, by key."""
    specs = option_specs(options).values()
    return {spec.key: spec for spec in specs if not spec.hidden and spec.sharing is Sharing.EACH}


def read_run_configs(path: str | Path, common: TrainOptions) -> list[RunConfig]:
    """Read a file of `[[task]]` tables, and a `[defaults]` table that all of them share.

    A task has `train`, `output` and, unless rows of `train` are held out, `eval`, any key of `toml_options` and
    of COLUMNS, and `common` for what neither table says; paths are relative to the file, or addresses that fsspec
    understands. A list of seeds or learning rates makes a run of each, whose output says `{seed}` and `{learning-rate}`
    where it differs. Raises DataError, naming the task and the key.
    """
    path = Path(path)
    defaults, tables = _read_tables(path)
    configs = [
        config
        for number, table in enumerate(tables, 1)
        for config in _expand(f"{path}, task {number}", path.parent, {**defaults, **table}, common)
    ]
    seen: set[str | Path] = set()
    for config in configs:
        if config.output in seen:
            listed = " or ".join(f"{{{key}}}" for key, spec in toml_options(type(common)).items() if spec.listed)
            raise DataError(
                f"{path}: two runs would write {config.output}; give each an output of its own, with {listed} in it "
                "where those are lists"
            )
        seen.add(config.output)
    return configs


def _read_tables(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the table of defaults and those of the tasks."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as TOML ({first_line(error)}); fix it") from None
    unknown = sorted(document.keys() - {"defaults", "task"})
    tables, defaults = document.get("task"), document.get("defaults", {})
    if not unknown and tables and isinstance(tables, list) and all(isinstance(t, dict) for t in (*tables, defaults)):
        return defaults, tables
    found = ", ".join(unknown) or "no task"
    raise DataError(f"{path} should hold [[task]] tables and at most one [defaults] table, found {found}")


def _expand(where: str, folder: Path, table: Mapping[str, Any], common: TrainOptions) -> Iterator[RunConfig]:
    """Yield a run for each combination of the values that a table lists; the option declared first varies slowest."""
    specs = toml_options(type(common))
    _check_table(where, table, specs)
    listed = {key: table[key] for key, spec in specs.items() if spec.listed and isinstance(table.get(key), list)}
    for values in itertools.product(*listed.values()):
        own = {**table, **dict(zip(listed, values, strict=True))}
        given = [(spec, own[key]) for key, spec in specs.items() if key in own]
        chosen = {spec.name: folder / value if spec.type is Path else value for spec, value in given}
        options = replace(common, **chosen)
        if options.task_type not in TASK_TYPES:  # which decides how the data are read
            raise DataError(f"{where}: type should be one of {', '.join(TASK_TYPES)}, found {options.task_type!r}")
        output = _fill(own["output"], options, specs)
        if "name" not in own:
            options = replace(options, task=Path(output).stem)
        columns = Columns(**{COLUMNS[key]: own[key] for key in COLUMNS if key in own})
        evaluation = placed(folder, own["eval"]) if "eval" in own else None
        yield RunConfig(placed(folder, own["train"]), evaluation, placed(folder, output), options, columns)


def _fill(output: str, options: TrainOptions, specs: Mapping[str, OptionSpec]) -> str:
    """Return the name of an output with the values of this run in place of `{seed}` and `{learning-rate}`."""
    for key, spec in specs.items():
        if spec.listed:
            value = getattr(options, spec.name)
            output = output.replace(f"{{{key}}}", f"{value:g}" if isinstance(value, float) else str(value))
    return output


def _check_table(where: str, table: Mapping[str, Any], specs: Mapping[str, OptionSpec]) -> None:
    known = (*FILES, *specs, *COLUMNS)
    for key, value in table.items():
        if key not in known:
            raise DataError(f"{where}: unknown key {key!r}; known are {', '.join(known)}")
        expected = specs[key].type if key in specs and specs[key].type is not Path else str
        allowed = (int, float) if expected is float else (expected,)
        listed = key in specs and specs[key].listed and isinstance(value, list) and value
        words = specs[key].words if key in specs else ()
        if not all(type(one) in allowed or one in words for one in (value if listed else [value])):
            raise DataError(f"{where}: {key} should be of type {expected.__name__}, found {value!r}")
    missing = [key for key in NEEDED if key not in table]
    if missing:
        raise DataError(f"{where}: {missing[0]} is missing; every task needs {' and '.join(NEEDED)}")
