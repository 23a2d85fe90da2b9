"""The hub: repositories that hold a base or a pack, through huggingface_hub's cache, tokens and offline mode.

Imported only where a hub name is given: the runtime does without huggingface_hub otherwise. A repository of a base has
its files; one of a pack has `pack.safetensors` and a `bitfit.json` that gives its SHA-256 and says which base it fits
and where that is. All files are of the one commit that the first of them came from.
"""

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeVar

from bitfit_runtime.errors import HubError, MissingExtraError, first_line
from bitfit_runtime.formats.json_fields import Fields, load_json
from bitfit_runtime.formats.schema import LIMITS, MANIFEST_FILE, MODEL_FILE
from bitfit_runtime.hub_names import HubName

try:
    import huggingface_hub
    from huggingface_hub import errors as hub_errors
    from huggingface_hub.utils import logging as hub_logging
except ModuleNotFoundError as missing:
    raise MissingExtraError.from_import("a name on the hub, for there is no such path,", missing, "hub") from None

BASE: Final = "bitfit-base"
PACK: Final = "bitfit-pack-repository"
PACK_FILE: Final = "pack.safetensors"
SCHEMA: Final = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PackBase:
    """The base that a pack fits: its digest, its name, and where to get it, if that is known."""

    digest: str
    name: str
    repository: str | None = None
    revision: str | None = None

    @property
    def source(self) -> HubName | None:
        """Where on the hub the base is."""
        return None if self.repository is None else HubName(self.repository, self.revision)


@dataclass(frozen=True, slots=True)
class PackDocument:
    """`bitfit.json` of a pack's repository."""

    sha256: str
    base: PackBase

    def to_json(self) -> str:
        """Return the text of the file."""
        base = {name: value for name, value in asdict(self.base).items() if value is not None}
        document = {"format": PACK, "schema_version": SCHEMA, "pack": PACK_FILE, "sha256": self.sha256, "base": base}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A repository of which `bitfit.json` was fetched: `name` with its commit, the local folder, and the document."""

    name: HubName
    folder: Path
    fields: Fields

    @property
    def kind(self) -> str:
        """`BASE` or `PACK`."""
        return self.fields.choice("format", (BASE, PACK))


def fetch_base(name: HubName, token: str | None = None) -> Path:
    """Return the folder of the local cache that holds a base, whole; `Base` checks its digests. Raises HubError."""
    found = _expect(fetch(name, token), BASE)
    for file in found.fields.mapping("files", str):
        if "/" in file or "\\" in file or file.startswith("."):
            raise HubError(f"{name} lists {file!r}, which is not a file of a base; export and push it again")
        _download(found.name, file, token)
    return found.folder


def fetch_pack(name: HubName, token: str | None = None) -> tuple[Path, PackDocument]:
    """Return the file of the local cache that holds a pack, checked by its SHA-256, and what its repository says."""
    found = _expect(fetch(name, token), PACK)
    found.fields.schema(SCHEMA)
    base = found.fields.nested("base")
    document = PackDocument(
        found.fields.get("sha256", str),
        PackBase(
            base.get("digest", str),
            base.get("name", str),
            base.optional("repository", str),
            base.optional("revision", str),
        ),
    )
    path = _download(found.name, PACK_FILE, token)
    if path.stat().st_size > LIMITS.pack_bytes:
        raise HubError(f"{PACK_FILE} of {name} is larger than {LIMITS.pack_bytes} bytes; it is not a pack")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != document.sha256:
        raise HubError(
            f"{PACK_FILE} of {name} was altered or is incomplete: expected SHA-256 {document.sha256[:12]}…, found "
            f"{digest[:12]}…; push it again, or delete it from the cache ({path})"
        )
    return path, document


def fetch(name: HubName, token: str | None = None) -> Fetched:
    """Fetch `bitfit.json`, and with it the commit that a revision stands for. Raises HubError."""
    path = _download(name, MANIFEST_FILE, token)
    if path.stat().st_size > LIMITS.manifest_bytes:
        raise HubError(f"{MANIFEST_FILE} of {name} is larger than {LIMITS.manifest_bytes} bytes; it is no base or pack")
    try:
        document = load_json(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise HubError(f"{MANIFEST_FILE} of {name} is not JSON ({first_line(error)}); push it again") from None
    where = f"{MANIFEST_FILE} of {name}"
    fields = Fields(document, where, lambda message: HubError(f"{message}; it holds no base or pack of ours"))
    return Fetched(HubName(name.repository, path.parent.name), path.parent, fields)


def local_path(path: Path) -> Path:
    """Return the folder or file of the local cache that holds what a path names on the hub, or the path itself."""
    name = HubName.of_path(path)
    if name is None:
        return path
    found = fetch(name)
    return fetch_base(found.name) if found.kind == BASE else fetch_pack(found.name)[0]


def optional_file(name: HubName, file: str) -> Path | None:
    """Return a file of a repository, None where it has none. Raises HubError."""

    def find() -> Path | None:
        try:
            return Path(huggingface_hub.hf_hub_download(name.repository, file, revision=name.revision))
        except (hub_errors.RemoteEntryNotFoundError, hub_errors.LocalEntryNotFoundError):
            return None

    return asked(name, find, file)


def base_digest(found: Fetched) -> str:
    """Return the digest of a base from its manifest, before anything else of it is fetched."""
    return f"sha256:{_expect(found, BASE).fields.nested('files').get(MODEL_FILE, str)}"


def _expect(found: Fetched, kind: str) -> Fetched:
    if found.kind != kind:
        is_base = kind == PACK
        there, wanted = ("base", "pack") if is_base else ("pack", "base")
        raise HubError(f"{found.name} holds a {there}, expected a {wanted}; give the name of a {wanted}")
    return found


def _download(name: HubName, file: str, token: str | None) -> Path:
    return Path(
        asked(
            name,
            lambda: str(huggingface_hub.hf_hub_download(name.repository, file, revision=name.revision, token=token)),
            file,
        )
    )


class _Quiet(ContextDecorator):
    """Keeps huggingface_hub from writing each of its attempts inside the block: what came of the last is raised.

    Its verbosity is the whole process's: the first thread that enters lowers it, the last that leaves restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = hub_logging.get_verbosity()
                hub_logging.set_verbosity(hub_logging.CRITICAL)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                hub_logging.set_verbosity(self._before)


quiet_hub: Final = _Quiet()


def asked(name: HubName, ask: Callable[[], T], file: str = MANIFEST_FILE) -> T:
    """Return what the hub answers; whatever goes wrong is one line. Raises HubError."""
    try:
        with quiet_hub:
            return ask()
    except Exception as error:  # the hub's, the network's and the cache's errors share no base class
        raise HubError(_explained(name, file, error)) from None


def _explained(name: HubName, file: str, error: Exception) -> str:
    """Return in one line what the hub, the network or the cache did not give, and what to do."""
    answers = (getattr(one, "response", None) for one in (error, error.__cause__))
    status = next((answer.status_code for answer in answers if answer is not None), None)
    access = "log in with 'hf auth login', or give a token that may"
    if status == 429:
        return f"the hub limits requests for now (429) and did not answer for {name}; wait some minutes, or log in"
    if isinstance(error, hub_errors.GatedRepoError):
        return f"{name} asks for consent before it is read; give it on its page, then {access}"
    if isinstance(error, hub_errors.RepositoryNotFoundError):
        return (
            f"there is no path {name}, nor such a repository on the hub, or it is private; check the name, or {access}"
        )
    if isinstance(error, hub_errors.RevisionNotFoundError):
        return f"{name.repository} has no revision {name.revision}: it was moved or deleted; see its commits on the hub"
    if isinstance(error, (hub_errors.LocalEntryNotFoundError, hub_errors.OfflineModeIsEnabled)):
        return (
            f"there is no path {name}, and {file} of such a repository is not in the local cache, while the hub is not "
            "reached (no network, or HF_HUB_OFFLINE is set); check the name and the network, or give a path"
        )
    if isinstance(error, hub_errors.EntryNotFoundError):
        what = "it is no base or pack of ours" if file == MANIFEST_FILE else "it is incomplete; push it again"
        return f"{name} has no file {file}: {what}"
    if status in (401, 403):
        return f"the hub does not permit this with {name} ({status}); {access}"
    return f"the hub did not give or take {name} ({first_line(error).rstrip('.:')}); check the network, and try again"
