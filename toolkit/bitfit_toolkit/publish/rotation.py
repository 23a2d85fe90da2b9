"""Rotation of keys and renewal of the root. Devices with the old root or the new one find every state in between valid.

A role is first published with signatures of its old key and its new one, then the root that names the new one. After an
interruption the same call is made again: it resumes with the new key that was left behind.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import Key, Root, Snapshot, Targets

from bitfit_runtime.files import write_file
from bitfit_toolkit.errors import PublishError, SigningKeyError
from bitfit_toolkit.publish.commit import Committer, Signers, role_signers
from bitfit_toolkit.publish.keys import KeyRing
from bitfit_toolkit.publish.repository import State


@dataclass(frozen=True, slots=True)
class Rotation:
    """Replacement of keys in one committed state. Needs as many root keys as the root's threshold."""

    state: State
    keys: KeyRing
    committer: Committer

    def renew_root(self) -> None:
        """Publish the same root with a new expiry. Raises SigningKeyError, OSError."""
        self._publish_root(self._sign_root(self._next_root()))

    def replace_root_key(self, key: str) -> None:
        """Replace the root key whose id begins with `key`; that key itself is not needed.

        Raises PublishError, SigningKeyError, OSError.
        """
        self._discard_retired(Root.type)
        keyids = self.state.root.roles[Root.type].keyids
        found = [keyid for keyid in keyids if key and keyid.startswith(key)]
        if len(found) != 1:
            names = ", ".join(keyid[:8] for keyid in keyids)
            raise PublishError(f"`key` should name the root key to replace, one of {names}; found {key!r}")
        root = self._next_root()
        root.revoke_key(found[0], Root.type)
        root.add_key(self._new_key(Root.type).public_key, Root.type)
        self._publish_root(self._sign_root(root))
        self.keys.discard(Root.type, found)

    def replace_key(self, role: str, arrange: Callable[[Key], Mapping[str, Targets]], lost: bool) -> None:
        """Replace the key of targets, snapshot or timestamp. `arrange` returns all targets, delegated to the given key.

        With `lost` the old key signs nothing: the root is published first, and a device that checks between the two
        writes refuses what it sees until its next check. Raises SigningKeyError, OSError.
        """
        self._discard_retired(role)
        old, new, root = self.state.root.roles[role].keyids, self._new_key(role), self._next_root()
        for keyid in old:
            root.revoke_key(keyid, role)
        root.add_key(new.public_key, role)
        data = self._sign_root(root)
        signers = role_signers(self.keys, root) if lost else self._both(role, new)
        targets = arrange(new.public_key) if role == Targets.type else None
        files = self.committer.prepare(self.state, signers, targets, snapshot=role == Snapshot.type)
        if lost:
            self._publish_root(data)
        self.committer.publish(files)
        if not lost:
            self._publish_root(data)
        self.keys.discard(role, old)

    def _both(self, role: str, new: Signer) -> Signers:
        """Sign `role` with its old key and the new one; new bins are delegated to the new key only."""
        former = role_signers(self.keys, self.state.root)

        def signers(name: str) -> list[Signer]:
            if name == role:
                return [*former(name), new]
            return [new] if name not in self.state.root.roles else list(former(name))

        return signers

    def _next_root(self) -> Root:
        root = copy.deepcopy(self.state.root)
        root.version += 1
        return root

    def _sign_root(self, root: Root) -> bytes:
        """Sign a root with the available root keys, up to the thresholds of the previous root and its own."""
        both = (self.state.root, root)
        known = {keyid: each.keys[keyid] for each in both for keyid in each.roles[Root.type].keyids}
        signers = self.keys.available(Root.type, known.values())
        for each in both:
            role = each.roles[Root.type]
            count = sum(signer.public_key.keyid in role.keyids for signer in signers)
            if count < role.threshold:
                raise SigningKeyError(
                    f"a root needs {role.threshold} of its {len(role.keyids)} keys, found {count}; copy more of them "
                    "into the folder `root_keys`"
                )
        return self.committer.sign(Root.type, root, signers)

    def _publish_root(self, data: bytes) -> None:
        write_file(self.committer.layout.role(Root.type, self.state.root.version + 1), data)

    def _new_key(self, role: str) -> CryptoSigner:
        known = {keyid for root in self.state.roots for keyid in root.keys}
        return (self.keys.unused(role, known) or [self.keys.create(role)])[0]

    def _discard_retired(self, role: str) -> None:
        former = {keyid for root in self.state.roots for keyid in root.roles[role].keyids}
        self.keys.discard(role, former - set(self.state.root.roles[role].keyids))
