"""To the hub: one commit of all files of a base or of a pack, so that no reader finds half of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import huggingface_hub

from bitfit_runtime.errors import HubError
from bitfit_runtime.formats.schema import CARD_FILE, MANIFEST_FILE
from bitfit_runtime.hub import PACK_FILE, PackBase, PackDocument, asked, base_digest, fetch
from bitfit_runtime.hub_names import HubName


def repository(name: str) -> HubName:
    """Return the repository, and perhaps the branch, that a name says to push to. Raises HubError."""
    found = HubName.parse(name)
    if found is None:
        raise HubError(f"{name!r} is not a name on the hub; give owner/name, perhaps owner/name@branch")
    return found


def push_base(
    folder: Path, files: Mapping[str, str], name: HubName, token: str | None, private: bool | None, card: str | None
) -> HubName:
    """Push a base's files and its card; returns the repository with the commit. Raises HubError."""
    given: dict[str, str | bytes] = {file: str(folder / file) for file in (MANIFEST_FILE, *files)}
    if card is not None:
        given[CARD_FILE] = card.encode()
    elif (folder / CARD_FILE).is_file():
        given[CARD_FILE] = str(folder / CARD_FILE)
    return _push(name, given, f"base {files['model.onnx'][:12]}", token, private)


def push_pack(
    data: bytes, base: PackBase, name: HubName, token: str | None, private: bool | None, card: str | None
) -> HubName:
    """Push a pack with what it says of its base; returns the repository with the commit. Raises HubError."""
    sha256 = hashlib.sha256(data).hexdigest()
    given: dict[str, str | bytes] = {PACK_FILE: data, MANIFEST_FILE: PackDocument(sha256, base).to_json().encode()}
    if card is not None:
        given[CARD_FILE] = card.encode()
    return _push(name, given, f"pack {sha256[:12]}", token, private)


def located(base: PackBase, name: HubName, token: str | None) -> PackBase:
    """Return a pack's base with the repository and commit that hold it. Raises HubError where it is another base."""
    found = fetch(name, token)
    digest = base_digest(found)
    if digest != base.digest:
        raise HubError(
            f"{name} holds base {digest[:19]}…, the pack was made for {base.name} ({base.digest[:19]}…); give the "
            "commit that has it, as owner/name@commit"
        )
    return replace(base, repository=found.name.repository, revision=found.name.revision)


def _push(
    name: HubName, files: Mapping[str, str | bytes], message: str, token: str | None, private: bool | None
) -> HubName:
    api = huggingface_hub.HfApi(token=token)
    operations = [huggingface_hub.CommitOperationAdd(file, content) for file, content in files.items()]

    def push() -> str:
        api.create_repo(name.repository, private=private, exist_ok=True)
        if name.revision is not None:
            api.create_branch(name.repository, branch=name.revision, exist_ok=True)
        done = api.create_commit(name.repository, operations, commit_message=f"Push {message}", revision=name.revision)
        return str(done.oid)

    return HubName(name.repository, asked(name, push))
