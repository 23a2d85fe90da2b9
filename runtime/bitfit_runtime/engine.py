"""One session, any number of tasks."""

import copy
import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_runtime.answers import DECODERS, RowOutput
from bitfit_runtime.base import Base
from bitfit_runtime.batching import plan_batches
from bitfit_runtime.contract import LAST_HIDDEN_STATE, LIMITS, LOGITS, POOLED, TASK_TYPES, TOKEN_LOGITS
from bitfit_runtime.decoded import DecodedPacks
from bitfit_runtime.errors import InputError, UnknownTaskError
from bitfit_runtime.pack import Pack, PackInfo
from bitfit_runtime.pack_file import read_pack
from bitfit_runtime.resident import BARE_BASE, Resident, batch_feeds
from bitfit_runtime.rows import Inputs, Row, as_rows, is_single
from bitfit_runtime.self_test import full_test, kernel_bits, quick_test
from bitfit_runtime.session import open_session
from bitfit_runtime.tokens import EncodedText, TextEncoder, collate

Float32 = npt.NDArray[np.float32]
SelfTestLevel = Literal["off", "quick", "full"]


class Engine:
    """Answers texts with any of the tasks that are installed, another one for every row if need be.

    All methods may be called from several threads. A request runs with the packs that were installed when it began.
    """

    def __init__(
        self,
        base: str | Path | Base,
        *,
        threads: int | None = None,
        session_options: ort.SessionOptions | None = None,
        batch_size: int = 32,
        max_batch_tokens: int = 512,
        decoded_bytes: int = 16 << 20,
        verify: bool = True,
        self_test: SelfTestLevel = "quick",
    ) -> None:
        """Load a base bundle.

        `threads` bounds the threads inside one operator. A list of more than `batch_size` rows, or of more than
        `max_batch_tokens` padded tokens, is run in several batches of similar length. Packs stay encoded in memory; of
        those used last at most `decoded_bytes` are kept decoded as well, and a pack that needs more than that, which
        takes thousands of labels, is decoded for every batch. `verify` compares every file with its digest. `self_test`
        proves on this machine that bias inputs are honoured: `quick` all together, `full` each by itself.

        Raises BundleError or one of its subclasses, InputError.
        """
        if batch_size < 1 or max_batch_tokens < 1 or decoded_bytes < 0:
            raise InputError("batch_size and max_batch_tokens should be at least 1, decoded_bytes at least 0")
        self._base = base if isinstance(base, Base) else Base.open(base)
        self._batch_size, self._max_batch_tokens = batch_size, max_batch_tokens
        with ThreadPoolExecutor(2) as pool:  # hashing and ONNX Runtime's loading overlap: both release the GIL
            verified = pool.submit(self._base.verify) if verify else None
            encoder = pool.submit(TextEncoder.from_file, self._base.tokenizer_path)
            try:
                self._session = open_session(self._base.model_path, threads, session_options)
            finally:
                if verified is not None:
                    verified.result()
        self._base.check_weights(self._session.get_modelmeta().custom_metadata_map)
        self._encoder = encoder.result()
        self._defaults = {name: bias[None, None] for name, bias in self._base.default_biases.items()}
        if self_test != "off":
            test = quick_test if self_test == "quick" else full_test
            test(self._session, self._base.manifest, self._base.default_biases)
        self._installing = threading.Lock()
        self._packs: Mapping[str, Pack] = {}
        self._decoded = DecodedPacks(self._base, decoded_bytes)

    @property
    def base(self) -> Base:
        """The base that this engine runs."""
        return self._base

    def sibling(self) -> "Engine":
        """Return an engine that shares this one's session and has no tasks yet: a place to try a pack out."""
        other = copy.copy(self)
        other._installing, other._packs, other._decoded = threading.Lock(), {}, self._decoded.empty()
        return other

    @cached_property
    def kernels(self) -> str:
        """Name of the kernels that this engine runs on, 16 hexadecimal digits: a digest of the bits they compute.

        Engines on a base that have the same name answer alike to the bit. Raises SelfTestError.
        """
        bits = kernel_bits(self._session, self._base.manifest, self._base.default_biases)
        return hashlib.sha256(bits).hexdigest()[:16]

    @property
    def tasks(self) -> Mapping[str, PackInfo]:
        """The installed tasks by name: a snapshot that later changes do not touch."""
        return MappingProxyType({name: pack.info for name, pack in self._packs.items()})

    def install(self, name: str, pack: Pack | str | Path) -> PackInfo:
        """Install a pack, or the pack in a file, under a task name, replacing the one that was there.

        The pack is decoded once, as proof that it can be, and kept as it is stored.

        If the pack cannot be used the earlier one stays. Raises PackError or one of its subclasses, InputError.
        """
        if not isinstance(name, str) or not 1 <= len(name) <= LIMITS.task_name_characters:
            raise InputError(
                f"a task name should be a string of 1 to {LIMITS.task_name_characters} characters: {name!r}"
            )
        if not isinstance(pack, Pack):
            pack = read_pack(pack)
        pack.decode(self._base.manifest, self._base.default_biases)
        with self._installing:
            self._packs = {**self._packs, name: pack.copy()}
            self._decoded.keep(self._packs.values())
        return pack.info

    def remove(self, name: str) -> None:
        """Remove a task. Raises UnknownTaskError."""
        with self._installing:
            _find(self._packs, name)
            self._packs = {key: pack for key, pack in self._packs.items() if key != name}
            self._decoded.keep(self._packs.values())

    def predict(self, inputs: Inputs, task: str | None = None) -> Any:
        """Answer one text or row, or a list of them with a list in the same order.

        The answer's class depends on the task's type: `Prediction` (classification), `LabelSet`, `Score`, `Entities`,
        `Span` or `Embedding`, all of `bitfit_runtime.prediction`. What a call returns is known only when it runs, so
        its static type is `Any`.

        With `task`, an input is a text or a (text, text_pair). Without it, an input is a (text, task) or a `Row`, and
        every row may have another task. An empty text is answered as such; a text that is too long is cut, which the
        prediction says. Raises InputError, UnknownTaskError.
        """
        rows = as_rows(inputs, task)
        packs = self._packs_of(rows)
        encoded = self._encode(rows, packs)
        values = self._run([TASK_TYPES[pack.info.task_type].output for pack in packs], encoded, packs)
        answers = [
            DECODERS[pack.info.task_type](RowOutput(row.task or "", pack.info, row, value, text))
            for row, pack, value, text in zip(rows, packs, values, encoded, strict=True)
        ]
        return answers[0] if is_single(inputs) else answers

    def logits(self, inputs: Inputs, task: str | None = None) -> list[Float32]:
        """Return each row's plain logits, float32 `[labels]`, or `[tokens, labels]` where the task judges tokens.

        Inputs and errors are those of `predict`.
        """
        rows = as_rows(inputs, task)
        packs = self._packs_of(rows)
        for row, pack in zip(rows, packs, strict=True):
            if not pack.has_head:
                raise InputError(f"task {row.task!r} is an embedding, which has no logits; use embed or predict")
        outputs = [TASK_TYPES[pack.info.task_type].output for pack in packs]
        return self._run(outputs, self._encode(rows, packs), packs)

    def embed(self, inputs: Inputs, task: str | None = None) -> Float32:
        """Return each row's pooled vector, float32 `[inputs, hidden]`: the bare base's where a row has no task."""
        rows = as_rows(inputs, task)
        packs = self._packs_or_bare(rows)
        pooled = self._run([POOLED] * len(rows), self._encode(rows, packs), packs)
        return np.stack(pooled) if pooled else np.zeros((0, self._base.manifest.hidden_size), np.float32)

    def hidden_states(self, inputs: Inputs, task: str | None = None) -> list[Float32]:
        """Return each row's last hidden states, float32 `[its tokens, hidden]`, without the padding."""
        rows = as_rows(inputs, task)
        packs = self._packs_or_bare(rows)
        return self._run([LAST_HIDDEN_STATE] * len(rows), self._encode(rows, packs), packs)

    def _packs_of(self, rows: Sequence[Row]) -> list[Pack]:
        packs = self._packs  # one read: a replacement from another thread is seen whole or not at all
        return [_find(packs, row.task) for row in rows]

    def _packs_or_bare(self, rows: Sequence[Row]) -> list[Pack | None]:
        packs = self._packs
        return [None if row.task is None else _find(packs, row.task) for row in rows]

    def _encode(self, rows: Sequence[Row], packs: Sequence[Pack | None]) -> list[EncodedText]:
        longest = self._base.manifest.max_length
        lengths = [longest if pack is None else pack.info.max_length for pack in packs]
        return self._encoder.encode([(row.text, row.text_pair) for row in rows], lengths)

    def _run(self, outputs: Sequence[str], texts: Sequence[EncodedText], packs: Sequence[Pack | None]) -> list[Float32]:
        """Run every row and return its part of its output, without padding, in the order of the rows."""
        manifest = self._base.manifest
        results: dict[int, Float32] = {}
        for batch in plan_batches([len(text) for text in texts], self._batch_size, self._max_batch_tokens):
            tokens = collate([texts[row] for row in batch], manifest.inputs, manifest.pad_token_id)
            biases = batch_feeds(self._residents([packs[row] for row in batch]), self._defaults)
            wanted = sorted({outputs[row] for row in batch})
            found = dict(zip(wanted, self._session.run(wanted, {**tokens, **biases}), strict=True))
            for place, row in enumerate(batch):
                results[row] = _unpadded(found[outputs[row]][place], outputs[row], texts[row], packs[row])
        return [results[row] for row in range(len(texts))]

    def _residents(self, packs: Sequence[Pack | None]) -> list[Resident]:
        """Return the decoded pack of each row, the same object for the same pack."""
        decoded = {pack: BARE_BASE if pack is None else self._decoded.get(pack) for pack in dict.fromkeys(packs)}
        return [decoded[pack] for pack in packs]


def _find(packs: Mapping[str, Pack], name: str | None) -> Pack:
    if name is None:
        raise InputError("no task was given; pass task=NAME, or rows of (text, task)")
    if name not in packs:
        known = ", ".join(sorted(packs)[:8]) or "none"
        raise UnknownTaskError(f"no task {name!r} is installed (installed: {known}); install its pack first")
    return packs[name]


def _unpadded(values: Float32, output: str, text: EncodedText, pack: Pack | None) -> Float32:
    if output in (TOKEN_LOGITS, LAST_HIDDEN_STATE):
        values = values[: len(text)]
    if output in (LOGITS, TOKEN_LOGITS) and pack is not None:
        values = values[..., : len(pack.info.labels)]
    return values
