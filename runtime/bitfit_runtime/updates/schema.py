"""Schema of a repository: names, custom metadata and limits on which a publisher and a device agree.

`docs/formats.md` describes it in prose. This file needs nothing but the standard library.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bitfit_runtime.errors import InputError, UntrustedUpdateError
from bitfit_runtime.formats import LIMITS, Fields

METADATA_FOLDER: Final = "metadata"
PACKS_FOLDER: Final = "packs"
# In signed targets metadata: target path → number of the last release of a withdrawn task.
WITHDRAWN_FIELD: Final = "removed"
# In signed targets metadata: folder of a base → its full digest, once for all its tasks, which keeps updates small.
BASES_FIELD: Final = "bases"
BIN_PREFIX: Final = "bin"

# Lower case only and no separators: the same name on every file system, and never a path.
TASK_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
SHA256: Final = re.compile("[0-9a-f]{64}")
DIGEST: Final = re.compile(f"sha256:{SHA256.pattern}")
RESERVED: Final = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{i}" for port in ("com", "lpt") for i in range(10)})
BASE_CHARACTERS: Final = 16
METRIC_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class UpdateLimits:
    """Upper bounds of what a device accepts from a server, checked before anything is stored. Sizes are in bytes.

    `metadata_values` bounds what parsing one file of metadata takes: a value of two bytes, such as `[]`, takes some
    hundred in memory. `count_values` counts them.
    """

    root_bytes: int = 64 << 10
    timestamp_bytes: int = 4 << 10
    snapshot_bytes: int = 256 << 10
    targets_bytes: int = 512 << 10
    metadata_values: int = 16_000
    pack_bytes: int = 4 << 20
    release: int = 1 << 53


UPDATE_LIMITS: Final = UpdateLimits()


def count_values(data: bytes) -> int:
    """Return an upper bound of how many values and keys a JSON document holds, without parsing it."""
    return sum(data.count(mark) for mark in (b",", b":", b"[", b"{"))


@dataclass(frozen=True, slots=True)
class Release:
    """One published pack, as signed metadata describe it.

    `base` is the full digest of the base, `number` counts a task's releases from 1, `size` is in bytes, `sha256` is
    hexadecimal, `metrics` are the pack's, rounded to `METRIC_DIGITS` digits.
    """

    base: str
    task: str
    number: int
    size: int
    sha256: str
    label_count: int
    metrics: Mapping[str, float]

    @property
    def path(self) -> str:
        """The target's path, by which signed metadata list it."""
        return target_path(self.base, self.task)

    @property
    def file_path(self) -> str:
        """The pack's path in the folder of packs: as The Update Framework names files under consistent snapshots."""
        return f"{base_folder(self.base)}/{self.sha256}.{self.task}.safetensors"

    def to_custom(self) -> dict[str, Any]:
        """Return the custom metadata of the target; `from_target` is its inverse.

        Metrics are decimal strings, because the canonical JSON that is signed has no fractions.
        """
        metrics = {name: f"{value:.{METRIC_DIGITS}g}" for name, value in self.metrics.items()}
        return {"labels": self.label_count, "metrics": metrics, "release": self.number}

    @classmethod
    def from_target(cls, base: str, task: str, length: int, hashes: Mapping[str, str], custom: object) -> "Release":
        """Read a target's signed description. Raises UntrustedUpdateError when it is not what `to_custom` writes."""
        where = f"signed metadata of {target_path(base, task)}"
        fields = Fields(custom, where, UntrustedUpdateError)
        release = cls(
            base=base,
            task=task,
            number=fields.get("release", int),
            size=length,
            sha256=hashes.get("sha256", ""),
            label_count=fields.get("labels", int),
            metrics={name: _metric(text, where) for name, text in fields.mapping("metrics", str).items()},
        )
        if not 1 <= release.number <= UPDATE_LIMITS.release:
            raise UntrustedUpdateError(f"{where}: a release is a number from 1 on, found {release.number}")
        if not 0 <= release.label_count <= LIMITS.labels:
            raise UntrustedUpdateError(
                f"{where}: a task has at most {LIMITS.labels} labels, found {release.label_count}"
            )
        if not 1 <= length <= UPDATE_LIMITS.pack_bytes:
            raise UntrustedUpdateError(f"{where}: a pack has at most {UPDATE_LIMITS.pack_bytes} bytes, found {length}")
        if not SHA256.fullmatch(release.sha256):
            raise UntrustedUpdateError(f"{where}: the pack's SHA-256 is missing")
        return release


def _metric(text: str, where: str) -> float:
    try:
        value = float(f"{float(text):.{METRIC_DIGITS}g}")  # as `to_custom` writes it: the largest become infinite
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UntrustedUpdateError(f"{where}: a metric should be a decimal number, found {text[:32]!r}")
    return value


def base_folder(base: str) -> str:
    """Return the folder of a base's targets: the first characters of its digest. Raises InputError."""
    if not DIGEST.fullmatch(base):
        raise InputError(f"a base's digest is 'sha256:' and 64 hexadecimal digits, found {base!r}")
    return base.removeprefix("sha256:")[:BASE_CHARACTERS]


def target_path(base: str, task: str) -> str:
    """Return the target path of a task on a base: `<first characters of the base's digest>/<task>.safetensors`.

    The full digest is in the field `bases` of the role that lists the target. Raises InputError for an invalid digest
    or task name.
    """
    return f"{base_folder(base)}/{check_task_name(task)}.safetensors"


def check_task_name(task: str) -> str:
    """Return the name of a task that can be published. Raises InputError, which says what such a name is."""
    if not TASK_NAME.fullmatch(task) or task.partition(".")[0] in RESERVED:
        raise InputError(
            "the name of a published task is 1 to 64 of a-z, 0-9, '.', '_' and '-', begins and ends with a letter or "
            f"digit, and is not a device name of Windows; found {task!r}"
        )
    return task
