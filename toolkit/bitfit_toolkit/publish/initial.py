"""Initial keys, root and an empty repository. Called again, it resumes where it was interrupted."""

import os
from pathlib import Path
from typing import Final

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from bitfit_runtime.files import make_folder, write_file
from bitfit_toolkit.errors import PublishError
from bitfit_toolkit.publish.commit import Committer, role_signers
from bitfit_toolkit.publish.keys import KeyRing
from bitfit_toolkit.publish.repository import Layout, State, read_root

ROOT_KEYS: Final = 3
ROOT_THRESHOLD: Final = 2


def check_folders(layout: Layout, keys: KeyRing) -> None:
    """Raise PublishError where keys would be in the folder that is served."""
    served = os.path.realpath(layout.folder)  # which a loop of links does not stop
    if any(Path(os.path.realpath(folder)).is_relative_to(served) for folder in keys.folders):
        raise PublishError(f"keys must not be in {layout.folder}, which is served; use folders outside it")


def initialize(committer: Committer, keys: KeyRing) -> None:
    """Write keys, settings, root and an empty repository. Raises PublishError where one exists already, OSError."""
    layout = committer.layout
    if layout.timestamp.exists():
        raise PublishError(f"{layout.folder} is already a repository; publish into it, or use another folder")
    first = layout.role(Root.type, 1)
    if keys.root_path.exists():  # it is written after the root, so an interrupted call left both
        data = keys.root_path.read_bytes()
        if not first.exists() or first.read_bytes() != data:
            raise PublishError(f"{keys.folder} holds the keys of another repository; use another folder for `keys`")
    else:
        committer.lifetimes.write(keys.settings_path)
        data = _first_root(committer, keys)
        make_folder(layout.folder)
        make_folder(layout.metadata)
        write_file(first, data)
        write_file(keys.root_path, data)
    root = read_root(data, first)
    committer.publish(committer.prepare(State((root,)), role_signers(keys, root), {Targets.type: Targets()}))


def _first_root(committer: Committer, keys: KeyRing) -> bytes:
    root = Root(consistent_snapshot=True)

    def add_key(role: str) -> CryptoSigner:
        signer = (keys.unused(role, root.keys) or [keys.create(role)])[0]
        root.add_key(signer.public_key, role)
        return signer

    for role in (Targets.type, Snapshot.type, Timestamp.type):
        add_key(role)
    signers = [add_key(Root.type) for _ in range(ROOT_KEYS)]
    root.roles[Root.type].threshold = ROOT_THRESHOLD
    return committer.sign(Root.type, root, signers)
