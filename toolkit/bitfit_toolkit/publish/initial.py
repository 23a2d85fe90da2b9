"""The first keys, the first root and an empty repository; given again, it goes on where it was interrupted."""

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
    """Refuse to make keys where they would be served. Raises PublishError."""
    if any(folder.resolve().is_relative_to(layout.folder.resolve()) for folder in keys.folders):
        raise PublishError(f"keys must not lie in {layout.folder}, which is served; name folders outside it")


def initialize(committer: Committer, keys: KeyRing) -> None:
    """Write keys, settings, root and an empty repository. Raises PublishError where there is one already, OSError."""
    layout = committer.layout
    if layout.timestamp.exists():
        raise PublishError(f"{layout.folder} is a repository already; publish into it, or name another folder")
    first = layout.role(Root.type, 1)
    if keys.anchor.exists():  # it is written after the root, so an interrupted command left both
        data = keys.anchor.read_bytes()
        if not first.exists() or first.read_bytes() != data:
            raise PublishError(f"{keys.folder} holds the keys of another repository; name another folder for --keys")
    else:
        committer.lifetimes.write(keys.settings)
        data = _first_root(committer, keys)
        make_folder(layout.folder)
        make_folder(layout.metadata)
        write_file(first, data)
        write_file(keys.anchor, data)
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
