"""What must hold of a pack before it is published."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bitfit_runtime import Engine, read_pack
from bitfit_runtime.canary import check_canary, make_canary
from bitfit_runtime.formats.pack_file import serialize
from bitfit_runtime.updates.schema import UPDATE_LIMITS, Release, check_task_name
from bitfit_toolkit.errors import PublishError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pack that may be published: the bytes to publish and what they are."""

    base: str
    task: str
    labels: int
    metrics: dict[str, float]
    data: bytes

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def release(self, number: int) -> Release:
        """Name it as a release."""
        return Release(self.base, self.task, number, len(self.data), self.sha256, self.labels, self.metrics)


def prove(engine: Engine, task: str, path: Path) -> Candidate:
    """Check that a pack is one for this base and answers its canary; a pack without one gets it here.

    Raises InputError on the task's name, PackError or one of its subclasses, CanaryError, PublishError.
    """
    check_task_name(task)
    pack = read_pack(path)
    if pack.canary is None:
        pack = make_canary(engine, pack)
    check_canary(engine, pack)
    data = serialize(pack)
    if len(data) > UPDATE_LIMITS.pack_bytes:
        raise PublishError(f"pack {task!r} has {len(data)} bytes, devices take at most {UPDATE_LIMITS.pack_bytes}")
    return Candidate(pack.info.base, task, len(pack.info.labels), dict(pack.info.metrics), data)
