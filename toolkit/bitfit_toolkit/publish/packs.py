"""Packs to be published: their validation, and what a publication needs to know of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bitfit_runtime import Base, Engine, read_pack
from bitfit_runtime.canary import check_canary, make_canary
from bitfit_runtime.formats import serialize
from bitfit_runtime.updates.schema import DIGEST, UPDATE_LIMITS, Release, check_task_name
from bitfit_toolkit.errors import PublishError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pack that may be published: its bytes, and what signed metadata will say of them.

    `base` is the full digest of the base that the pack was made for.
    """

    base: str
    task: str
    label_count: int
    metrics: Mapping[str, float]
    data: bytes

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def release(self, number: int) -> Release:
        """Return it as a release of that number."""
        return Release(self.base, self.task, number, len(self.data), self.sha256, self.label_count, self.metrics)


def validate_pack(engine: Engine, task: str, path: str | Path) -> Candidate:
    """Check that a pack fits the base of `engine` and answers its canary there; one without a canary gets one.

    `task` is the name under which it will be published. Raises InputError for an invalid name, PackError or one of its
    subclasses, CanaryError, PublishError for a pack that is too large for devices.
    """
    check_task_name(task)
    pack = read_pack(path)
    if pack.canary is None:
        pack = make_canary(engine, pack)
    check_canary(engine, pack)
    data = serialize(pack)
    if len(data) > UPDATE_LIMITS.pack_bytes:
        raise PublishError(
            f"pack {task!r} has {len(data)} bytes, devices accept at most {UPDATE_LIMITS.pack_bytes}; train it with "
            "fewer bits"
        )
    return Candidate(pack.info.base, task, len(pack.info.labels), dict(pack.info.metrics), data)


def base_digest(base: str | Path | Base | None, published: Mapping[str, str]) -> str:
    """Return the digest of a base, given as such, by its folder, or by its folder in the repository.

    `published` maps folders in the repository to digests. None stands for its only base. Raises PublishError where
    there is not exactly one, BaseError for a folder that holds no base.
    """
    if base is None:
        if len(published) != 1:
            found = ", ".join(published) or "none"
            raise PublishError(f"`base` should say whose packs are meant; bases with packs here: {found}")
        return next(iter(published.values()))
    if isinstance(base, Base):
        return base.manifest.digest
    name = str(base)
    if name in published or DIGEST.fullmatch(name):
        return published.get(name, name)
    return Base.open(base).manifest.digest
