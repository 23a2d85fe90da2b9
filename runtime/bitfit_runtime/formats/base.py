"""Bases on disk: a graph, its weights, biases, tokenizer and manifest in one folder."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from bitfit_runtime.arguments import as_path
from bitfit_runtime.errors import BaseError, BaseFormatError, BaseIntegrityError, BaseNotFoundError, HubError
from bitfit_runtime.formats.manifest import Manifest, parse_manifest
from bitfit_runtime.formats.onnx_files import external_files
from bitfit_runtime.formats.schema import (
    BIASES_FILE,
    CONFIG_FILE,
    LIMITS,
    MANIFEST_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    WEIGHTS_DIGEST,
    WEIGHTS_FILE,
)
from bitfit_runtime.hub_names import HubName

Float32 = npt.NDArray[np.float32]
COMPANIONS = (MODEL_FILE, TOKENIZER_FILE, CONFIG_FILE, BIASES_FILE)  # and the weights, unless the graph holds them


@dataclass(frozen=True)
class Base:
    """A base whose manifest was read and checked. Opening one costs no session: use `Engine` to run it.

    `default_biases` maps each bias input to its default, float32 of shape `[size]`.
    """

    folder: Path
    manifest: Manifest
    default_biases: Mapping[str, Float32]

    @classmethod
    def open(cls, folder: str | Path) -> "Base":
        """Read the manifest and the default biases of the base in `folder`, or of that name on the hub.

        A hub name (`org/name`, `org/name@revision`) counts where there is no such folder. Raises BaseError or one of
        its subclasses.
        """
        folder = as_path(folder, "folder")
        on_hub = HubName.of_path(folder)
        if on_hub is not None:
            return cls._fetched(on_hub, None)
        with _reading(folder):
            return cls._read(folder)

    @classmethod
    def _read(cls, folder: Path) -> "Base":
        path = folder / MANIFEST_FILE
        if not path.is_file():
            raise BaseNotFoundError(f"{folder} is not a base: it has no {MANIFEST_FILE}; make one with 'bitfit export'")
        if path.stat().st_size > LIMITS.manifest_bytes:
            raise BaseFormatError(f"{path} is larger than {LIMITS.manifest_bytes} bytes; export the base again")
        try:
            manifest = parse_manifest(path.read_text(encoding="utf-8"), str(path))
        except UnicodeDecodeError as error:
            raise BaseFormatError(f"{path} is not UTF-8 ({error}); export the base again") from None
        unknown = sorted(manifest.files.keys() - {*COMPANIONS, WEIGHTS_FILE})
        if unknown:
            raise BaseFormatError(f"{path} lists {unknown[0]!r}, which is not a file of a base; export it again")
        for name in (*COMPANIONS, *manifest.files):
            if name not in manifest.files:
                raise BaseFormatError(f"{path} does not list {name}; export the base again")
            if not (folder / name).is_file():
                raise BaseNotFoundError(f"{folder} lacks {name}; copy the whole base, or export it again")
        verify_files(folder, manifest, (BIASES_FILE,))
        return cls(folder, manifest, _read_defaults(folder / BIASES_FILE, manifest))

    @classmethod
    def from_pretrained(cls, name: str, *, revision: str | None = None, token: str | None = None) -> "Base":
        """Open a base of the hub, fetched into its cache once; every file is compared with the manifest's digest.

        `revision` is a branch, tag or commit; `token` is for private repositories, by default the one that
        `hf auth login` stored. Raises BaseError, MissingExtraError.
        """
        parsed = HubName.parse(name)
        if parsed is None:
            raise BaseNotFoundError(f"{name!r} is not a name on the hub; give owner/name, or open a folder")
        return cls._fetched(HubName(parsed.repository, revision or parsed.revision), token)

    @classmethod
    def _fetched(cls, name: HubName, token: str | None) -> "Base":
        from bitfit_runtime.hub import fetch_base  # it needs huggingface_hub

        try:
            folder = fetch_base(name, token)
        except HubError as error:
            raise BaseNotFoundError(str(error)) from None
        base = cls.open(folder)
        base.verify()
        return base

    def push_to_hub(
        self, name: str, *, token: str | None = None, private: bool | None = None, card: str | None = None
    ) -> str:
        """Push the base to a repository of the hub, in one commit, and return `owner/name@commit`.

        `card` is the text of its README.md; by default what lies in the folder. Raises HubError, BaseIntegrityError,
        MissingExtraError.
        """
        from bitfit_runtime import hub_push

        self.verify()
        place = hub_push.repository(name)
        return str(hub_push.push_base(self.folder, self.manifest.files, place, token, private, card))

    @property
    def model_path(self) -> Path:
        """Path of the graph."""
        return self.folder / MODEL_FILE

    @property
    def tokenizer_path(self) -> Path:
        """Path of the tokenizer."""
        return self.folder / TOKENIZER_FILE

    def verify(self, graph: bool = True) -> None:
        """Compare every file with the manifest's digest, the graph only if `graph`.

        Raises BaseIntegrityError, and BaseError where a file cannot be read.
        """
        names = (name for name in self.manifest.files if graph or name != MODEL_FILE)
        verify_files(self.folder, self.manifest, names)

    def check_graph(self, verify: bool = True) -> None:
        """Check the graph before it is opened: ONNX Runtime computes its constants while it loads it.

        With `verify`, compares it with the manifest's digest. Its weights may only be in the file of weights that the
        manifest lists: any other could be altered unnoticed. Raises BaseError or one of its subclasses.
        """
        if verify:
            verify_files(self.folder, self.manifest, (MODEL_FILE,))
        allowed = {WEIGHTS_FILE} & self.manifest.files.keys()
        with _reading(self.model_path):
            strange = sorted(external_files(self.model_path) - allowed)
        if strange:
            raise BaseIntegrityError(
                f"{self.model_path} takes weights from {strange[0]!r}, which the manifest does not list; copy or "
                "export the base again"
            )

    def check_weights(self, metadata: Mapping[str, str]) -> None:
        """Compare the weights' digest in the graph's metadata with the manifest's. Raises BaseIntegrityError.

        A graph that holds its own weights names no digest. The base's identity is the digest of its graph, so weights
        that the graph does not name could answer under another base's identity.
        """
        named, listed = metadata.get(WEIGHTS_DIGEST, ""), self.manifest.files.get(WEIGHTS_FILE, "")
        if named != listed:
            raise BaseIntegrityError(
                f"{self.model_path} belongs to weights with SHA-256 {named[:12] or '(none)'}, the manifest lists "
                f"{listed[:12] or '(none)'} for {WEIGHTS_FILE}; copy or export the base again"
            )


def verify_files(folder: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Compare the named files with the manifest's digests. Raises BaseIntegrityError, BaseError."""
    for name in names:
        with _reading(folder / name):
            found = file_digest(folder / name)
        if found != manifest.files[name]:
            raise BaseIntegrityError(
                f"{folder / name} was altered or is incomplete: expected SHA-256 {manifest.files[name][:12]}…, "
                f"found {found[:12]}…; copy or export the base again"
            )


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in one line what the system did not let be read. Raises BaseError."""
    try:
        yield
    except OSError as error:
        raise BaseError(
            f"cannot read {error.filename or path} ({error.strerror or error}); check the path and its permissions"
        ) from None


def _read_defaults(path: Path, manifest: Manifest) -> dict[str, Float32]:
    try:
        tensors = safetensors.numpy.load_file(path)
    except (SafetensorError, ValueError, TypeError, AttributeError) as error:  # the last two: a dtype that NumPy lacks
        raise BaseFormatError(f"{path} cannot be read ({error}); export the base again") from None
    for spec in manifest.biases:
        tensor = tensors.get(spec.name)
        if tensor is None or tensor.shape != (spec.size,) or tensor.dtype != np.float32:
            raise BaseFormatError(f"{path}: expected {spec.name} as float32 [{spec.size}]; export the base again")
    return {spec.name: tensors[spec.name] for spec in manifest.biases}
