"""Lineage of the root that an application ships: the repository that the store knows, or another one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from bitfit_runtime.files import list_folder, read_file
from bitfit_runtime.updates.schema import UPDATE_LIMITS


def is_of_another_repository(root: bytes, history: Path) -> bool:
    """Whether a root is of another repository than the roots that the folder `history` holds, if any.

    It is where it has no root key in common with any of them and none of them vouches for it, or where both have a
    version 1 that differs: a repository begins once. The application vouches for its root, so that nobody else can make
    a device begin anew. Raises OSError.
    """
    new = _parse(root)
    known = list(_known(history))
    if new is None or not known:
        return False
    if new.signed.version == 1 and any(each.signed.version == 1 and each.signed != new.signed for each in known):
        return True
    return not any(_is_related(each, new) for each in known)


def _is_related(known: Metadata[Root], new: Metadata[Root]) -> bool:
    keys = known.signed.roles[Root.type].keyids
    if not set(keys).isdisjoint(new.signed.roles[Root.type].keyids):
        return True
    return bool(known.signed.get_verification_result(Root.type, new.signed_bytes, new.signatures))


def _known(history: Path) -> Iterator[Metadata[Root]]:
    for path in list_folder(history):
        data = read_file(path, UPDATE_LIMITS.root_bytes) if path.name.endswith(".root.json") else None
        root = None if data is None else _parse(data)
        if root is not None:
            yield root


def _parse(data: bytes) -> Metadata[Root] | None:
    with contextlib.suppress(RepositoryError):  # torn, or not a root: its reader will say so
        metadata = Metadata[Root].from_bytes(data)
        return metadata if isinstance(metadata.signed, Root) else None
    return None
