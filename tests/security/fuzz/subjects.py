"""Small valid things to fuzz with, made by code: a base of twelve biases, its packs, a signed repository."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)

from bitfit_runtime import Pack, PackInfo
from bitfit_runtime.decisions import Acceptance, Decisions, Outliers
from bitfit_runtime.formats import ENCODINGS, BiasSpec, Canary, Manifest, SelfTest, WeightSpec, encode, serialize
from bitfit_runtime.formats.pack_encoding import encode_centres
from bitfit_runtime.formats.schema import CENTRES
from bitfit_runtime.graph import LOGITS, POOLED
from bitfit_runtime.updates.schema import BASES_FIELD, BIN_PREFIX, WITHDRAWN_FIELD, Release, base_folder, target_path
from bitfit_runtime.updates.slots import Slots, StoredRelease
from bitfit_runtime.updates.version_floor import VersionFloor

SIZES = {"q": 5, "k": 3, "m2": 4}
INPUTS = ("input_ids", "attention_mask")
BASE = Manifest(
    name="tiny",
    architecture="bert",
    precision="int8",
    pooling="mean",
    max_length=16,
    hidden_size=2,
    pad_token_id=0,
    parameters=30,
    inputs=INPUTS,
    files={"model.onnx": "0f" * 32, "tokenizer.json": "1e" * 32},
    biases=tuple(BiasSpec(f"{term}.bias", size, term, 0) for term, size in SIZES.items()),
    weights=(WeightSpec("q.weight", (5, 2), "int8", True),),
    redundant_terms=("k",),
    foldable_terms={"v": "m1"},
    self_test=SelfTest((2, 1, 3), 0.5, 0.25, ((0.1, -0.2), (0.3, 1.0))),
    created_by="test",
)
DEFAULTS = {spec.name: np.linspace(-1, 1, spec.size, dtype=np.float32) for spec in BASE.biases}
STORED = StoredRelease(4, "0f" * 32)
NOW, EXPIRES = datetime(2100, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LABELS = {
    "classification": ("no", "yes"),
    "regression": ("score",),
    "embedding": (),
    "token-classification": ("O", "B-a", "I-a"),
}


def tiny_pack(
    encoding: str = "float32", task_type: str = "classification", terms: tuple[str, ...] = ("q", "m2")
) -> Pack:
    """A pack for `BASE`."""
    labels = LABELS[task_type]
    tensors = {f"{term}.bias": DEFAULTS[f"{term}.bias"] + np.float32(0.5) for term in terms}
    if labels:
        shape = (BASE.hidden_size, len(labels))
        tensors |= {"head.weight": np.ones(shape, np.float32), "head.bias": np.zeros(len(labels), np.float32)}
    info = PackInfo(
        *(BASE.digest, BASE.name, "mood", task_type, labels, BASE.pooling, 16, terms, encoding, {"accuracy": 0.5}),
        tokenizer=BASE.tokenizer_digest,
    )
    return Pack(info, encode(tensors, DEFAULTS, BASE, encoding))


@cache
def packs() -> list[bytes]:
    """Pack files of every encoding, with and without a head, biases, a canary or transitions of tags."""
    made = [tiny_pack(encoding) for encoding in ENCODINGS]
    canary = Canary((("a text", None), ("a text", "another")), "0123456789abcdef", np.arange(4, dtype=np.float32))
    made += [tiny_pack("int8", "embedding"), tiny_pack("int8", "regression", ()), replace(made[0], canary=canary)]
    tagged = tiny_pack("int8", "token-classification")
    declared = replace(tagged.info, transitions="learned", words="mean")
    made.append(Pack(declared, {**tagged.tensors, "transitions": np.linspace(-1, 1, 12).astype(np.float16)}))
    made += [_with_decisions(tiny_pack("int8"), space) for space in (LOGITS, POOLED)]
    return [serialize(pack) for pack in made]


def _with_decisions(pack: Pack, space: str) -> Pack:
    """The pack with all that a task of its type can decide."""
    decisions = Decisions(100, 1.5, None, Acceptance(0.75, 0.05, 0.5), Outliers(-0.5, 0.0625, space, 2.0))
    centres = encode_centres(np.eye(2, dtype=np.float32))  # two labels, and the base is as wide
    return replace(pack, info=replace(pack.info, decisions=decisions), tensors={**pack.tensors, CENTRES: centres})


def manifests() -> list[bytes]:
    """Manifests of an int8 and a fp32 base."""
    return [manifest.to_json().encode() for manifest in (BASE, replace(BASE, precision="fp32", weights=()))]


@cache
def target_file(task: str = "mood", number: int = 2) -> TargetFile:
    """The signed description of a pack."""
    data = packs()[0]
    digest = sha256(data).hexdigest()
    release = Release(BASE.digest, task, number, len(data), digest, 2, {"accuracy": 0.5})
    return TargetFile(len(data), {"sha256": digest}, release.path, {"custom": release.to_custom()})


def listed(*files: TargetFile, bins: bool = False) -> Targets:
    """Targets of `BASE`, from which another task was withdrawn, as was the first release of these.

    With `bins` everything else is delegated to 16 roles, which do not exist.
    """
    delegations = Delegations({}, succinct_roles=SuccinctRoles([], 1, 4, BIN_PREFIX)) if bins else None
    gone = {target_path(BASE.digest, "gone"): 7} | {file.path: 1 for file in files}
    fields = {BASES_FIELD: {base_folder(BASE.digest): BASE.digest}, WITHDRAWN_FIELD: gone}
    targets = {file.path: file for file in files}
    return Targets(expires=EXPIRES, targets=targets, delegations=delegations, unrecognized_fields=fields)


def listings() -> list[bytes]:
    """What a device asks for and the signed targets that it searches, as JSON."""
    answers = [("mood", listed(target_file())), ("a.b-c_9", listed(target_file("a.b-c_9", 1 << 40), bins=True))]
    return [
        json.dumps({"base": BASE.digest, "task": task, "targets": targets.to_dict()}).encode()
        for task, targets in answers
    ]


def floors() -> list[bytes]:
    """Floors of a device that has seen nothing, and of one that has."""
    return [
        floor.to_json() for floor in (VersionFloor(), VersionFloor(3, {target_file().path: 5, "0/gone.safetensors": 8}))
    ]


def slots() -> list[bytes]:
    """Slots of a task: empty, full, and rolled back."""
    full = Slots(STORED, StoredRelease(3, "0" * 64), StoredRelease(5, "1" * 64))
    return [one.to_json() for one in (Slots(), full, full.roll_back())]


@cache
def repository() -> dict[str, bytes]:
    """Signed metadata by role, each with a key of its own, the same bytes each time; `next root` replaces `root`."""
    roles = ("root", "timestamp", "snapshot", "targets")
    signers = {role: CryptoSigner(Ed25519PrivateKey.from_private_bytes(role.encode().ljust(32))) for role in roles}
    common: dict[str, Any] = {"expires": EXPIRES}
    root = Root(**common, consistent_snapshot=True)
    for role, signer in signers.items():
        root.add_key(signer.public_key, role)
    signed: dict[str, Signed] = {
        "timestamp": Timestamp(**common, snapshot_meta=MetaFile(1)),
        "snapshot": Snapshot(**common, meta={"targets.json": MetaFile(1)}),
        "targets": listed(target_file()),
        "root": root,
    }
    files = {role: _sign(part, signers[role]) for role, part in signed.items()}
    root.version = 2
    return files | {"next root": _sign(root, signers["root"])}


def _sign(part: Signed, signer: CryptoSigner) -> bytes:
    metadata = Metadata[Any](part)
    metadata.sign(signer)
    return metadata.to_bytes()
