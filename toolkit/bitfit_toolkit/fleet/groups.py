"""Groups of runs: what is trained by one worker in one go, and repeated whole where it was cut."""

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.places import common_folder, joined
from bitfit_toolkit.training.option_spec import option_specs
from bitfit_toolkit.training.options import TrainOptions
from bitfit_toolkit.training.shared.config import RunConfig
from bitfit_toolkit.training.shared.run_checks import check_sharing

DEFAULT_GROUP_SIZE: Final = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that one worker trains one after another, and whose packs appear together. `number` counts from 0."""

    number: int
    runs: tuple[RunConfig, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Where its packs go."""
        return tuple(str(run.output) for run in self.runs)


@dataclass(frozen=True, slots=True)
class Fleet:
    """All groups of a file of tasks, on the base of that digest. `ledger` is the folder that tells what is finished."""

    base_digest: str
    groups: tuple[Group, ...]
    at_once: int | None
    threads: int
    ledger: str

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides about packs, data files by their names: hexadecimal."""
        said = {
            "base": self.base_digest,
            "at_once": self.at_once,
            "threads": self.threads,
            "groups": [[_described(run) for run in group.runs] for group in self.groups],
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def plan_fleet(
    tasks: Path,
    configs: Sequence[RunConfig],
    base_digest: str,
    *,
    threads: int,
    at_once: int | None = None,
    size: int = DEFAULT_GROUP_SIZE,
) -> Fleet:
    """Group the runs of a file of tasks: those of equal length, start layer and data, `size` at most, stand together.

    Nothing but the file, the base and the arguments decides, so every machine plans alike. Raises TrainingError where
    runs cannot share a file of tasks.
    """
    if size < 1:
        raise TrainingError(f"`group_size` should be at least 1, found {size}; change the option and try again")
    for config in configs:
        check_sharing(config.options, configs[0].options)
    groups: list[Group] = []
    for _, alike in itertools.groupby(sorted(configs, key=_kind), key=lambda config: _kind(config)[:2]):
        runs = tuple(alike)
        for start in range(0, len(runs), size):
            groups.append(Group(len(groups), runs[start : start + size]))
    ledger = joined(common_folder([str(config.output) for config in configs]), f"{tasks.stem}.ledger")
    return Fleet(base_digest, tuple(groups), at_once, threads, ledger)


def _kind(config: RunConfig) -> tuple[int, str, str, str]:
    """Return what runs of a group have in common, then what they had better have, then their order."""
    options = config.options
    return options.max_length, str(options.from_layer), str(config.train), str(config.output)


def _described(run: RunConfig) -> dict[str, Any]:
    """Return what decides about one pack."""
    specs = option_specs(TrainOptions)
    options = {
        name: str(getattr(run.options, name)) for name, spec in specs.items() if not spec.hidden and name != "device"
    }
    columns = {field.name: str(getattr(run.columns, field.name)) for field in fields(run.columns)}
    files = {"train": str(run.train), "eval": str(run.evaluation), "output": str(run.output)}
    return {**files, "columns": columns, "options": options}
