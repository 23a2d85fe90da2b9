"""Signing keys on disk: ed25519, PKCS8 in PEM, encrypted with one passphrase, readable by their owner only.

A key is the file `<role>-<first characters of its key id>.pem`. Root keys have a folder of their own, to be
taken offline.
"""

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, Key
from tuf.api.metadata import Root

from bitfit_runtime.arguments import as_path, function
from bitfit_runtime.files import make_folder, write_file
from bitfit_toolkit.errors import SigningKeyError

PASSPHRASE_VARIABLE: Final = "BITFIT_KEY_PASSPHRASE"
ID_CHARACTERS: Final = 16
PRIVATE: Final = 0o600
# PKCS8 files derive their key with few rounds (PBKDF2, 2,048), so the passphrase itself must be hard to guess.
MIN_PASSPHRASE_CHARACTERS: Final = 12
MAX_PASSPHRASE_BYTES: Final = 1023  # for OpenSSL


def passphrase_from_environment() -> str:
    """Return the passphrase in the variable `BITFIT_KEY_PASSPHRASE`. Raises SigningKeyError where it is not set."""
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    if passphrase is None:
        raise SigningKeyError(f"the passphrase of the keys is needed; set {PASSPHRASE_VARIABLE}")
    return passphrase


class KeyRing:
    """The keys of one repository: the folder of the online keys, and that of the root keys, None while it is offline.

    `ask` returns the passphrase; it is called when a key is first read or written. Raises InputError.
    """

    def __init__(
        self,
        folder: str | Path,
        root_keys: str | Path | None = None,
        ask: Callable[[], str] = passphrase_from_environment,
    ) -> None:
        self.folder = as_path(folder, "folder")
        self._root_folder = None if root_keys is None else as_path(root_keys, "root_keys")
        function(ask, "ask", "a function that returns the passphrase")
        self._ask = ask

    @property
    def folders(self) -> list[Path]:
        """The folders of keys."""
        return [folder for folder in (self.folder, self._root_folder) if folder]

    @property
    def root_path(self) -> Path:
        """The first root: it ships to devices, and the publisher verifies the repository from it."""
        return self.folder / "root.json"

    @property
    def settings_path(self) -> Path:
        """The lifetimes of metadata."""
        return self.folder / "publish.json"

    def create(self, role: str) -> CryptoSigner:
        """Make a key for a role and write it. Raises SigningKeyError, OSError."""
        private = Ed25519PrivateKey.generate()
        signer = CryptoSigner(private)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(self._passphrase))
        path = self._path(role, signer.public_key.keyid)
        make_folder(path.parent, 0o700)
        write_file(path, pem, PRIVATE)
        return signer

    def signer(self, role: str, key: Key) -> CryptoSigner:
        """Read the private half of a role's key. Raises SigningKeyError when it is missing or cannot be decrypted."""
        path = self._path(role, key.keyid)
        if not path.is_file():
            raise SigningKeyError(
                f"the key that signs {role} is missing: expected {path}; restore it from a backup, or replace it with "
                f"'bitfit publish rotate-key {role} --lost'"
            )
        signer = self._read(path)
        if signer.public_key != key:
            raise SigningKeyError(f"{path} holds another key than the repository names; restore it from a backup")
        return signer

    def available(self, role: str, keys: Iterable[Key]) -> list[CryptoSigner]:
        """Read those of a role's keys whose files exist. Raises SigningKeyError for a file that cannot be read."""
        return [self.signer(role, key) for key in keys if self._path(role, key.keyid).is_file()]

    def unused(self, role: str, known: Iterable[str]) -> list[CryptoSigner]:
        """Read the role's keys that are not among the `known` key ids: what an interrupted command left behind."""
        names = {self._path(role, keyid).name for keyid in known}
        files = sorted(self._folder_of(role).glob(f"{role}-*.pem"))
        return [self._read(path) for path in files if path.name not in names]

    def discard(self, role: str, keyids: Iterable[str]) -> None:
        """Remove the files of keys that no longer sign."""
        for keyid in keyids:
            self._path(role, keyid).unlink(missing_ok=True)

    @cached_property
    def _passphrase(self) -> bytes:
        passphrase = self._ask()
        if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
            raise SigningKeyError(
                f"the passphrase of the keys has {len(passphrase)} characters, at least {MIN_PASSPHRASE_CHARACTERS} "
                "are needed; use several random words"
            )
        encoded = os.fsencode(passphrase)  # an environment may hold bytes that are not text
        if len(encoded) > MAX_PASSPHRASE_BYTES:
            raise SigningKeyError(
                f"the passphrase of the keys has {len(encoded)} bytes, at most {MAX_PASSPHRASE_BYTES} are allowed; use "
                "several random words"
            )
        return encoded

    def _read(self, path: Path) -> CryptoSigner:
        try:
            private = load_pem_private_key(path.read_bytes(), self._passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyError(f"{path} cannot be opened ({error}); check the passphrase and the file") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise SigningKeyError(f"{path} is not an ed25519 key; restore it from a backup")
        return CryptoSigner(private)

    def _path(self, role: str, keyid: str) -> Path:
        return self._folder_of(role) / f"{role}-{keyid[:ID_CHARACTERS]}.pem"

    def _folder_of(self, role: str) -> Path:
        if role != Root.type:
            return self.folder
        if self._root_folder is None:
            raise SigningKeyError("the root keys are needed; set `root_keys` to their folder")
        return self._root_folder
