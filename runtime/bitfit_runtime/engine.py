"""The engine: one session, any number of tasks."""

import copy
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeVar, get_args, overload

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_runtime.arguments import as_path, choice, flag, instance, whole_number
from bitfit_runtime.batching import Load, pieces
from bitfit_runtime.decisions import Outliers
from bitfit_runtime.errors import InputError, UnknownTaskError
from bitfit_runtime.explain import Sharing
from bitfit_runtime.formats import LIMITS, Base, Pack, PackInfo, read_pack
from bitfit_runtime.graph import LAST_HIDDEN_STATE, POOLED, TOKENS_READ
from bitfit_runtime.inputs import Inputs, Row, as_rows, as_rows_per_task, is_single
from bitfit_runtime.levels import Identities, Levels
from bitfit_runtime.memory import Budget, Footprint, Memory
from bitfit_runtime.pack_cache import PackCache
from bitfit_runtime.padding import Padding
from bitfit_runtime.planning import Batch, Planner
from bitfit_runtime.request import Found, Request, WindowedRequest
from bitfit_runtime.runner import Runner
from bitfit_runtime.self_test import full_test, kernel_fingerprint, quick_test
from bitfit_runtime.session import open_session, plain_options
from bitfit_runtime.tasks import TASK_TYPES, Answer
from bitfit_runtime.tokenizer import Tokenizer
from bitfit_runtime.windows import Limit

Float32 = npt.NDArray[np.float32]
SelfTestLevel = Literal["off", "quick", "full"]
MOST_THREADS: Final = 1024  # each is a thread of the system, whatever the number of cores
A = TypeVar("A", bound=Answer)
log = logging.getLogger(__name__)


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
        pack_cache_bytes: int = 16 << 20,
        memory_limit: int | None = None,
        verify: bool = True,
        self_test: SelfTestLevel = "quick",
    ) -> None:
        """Load a base.

        `threads`, 1 to 1,024, bounds the threads inside one operator; None is one for each core. A list of more than
        `batch_size` rows, or of more than `max_batch_tokens` padded tokens, is run in several batches of similar
        length. Packs stay encoded in memory; of those used last at most `pack_cache_bytes` are kept decoded as well,
        with what the last mixed batch stacked of them where there is room, and a pack that needs more than that, which
        takes thousands of labels, is decoded for every batch.

        `memory_limit` bounds the bytes that the engine takes, by the formula of `memory`, with one call at a time:
        batches become smaller, the cache too, and what cannot be kept within it is refused, here or by `install`.

        `verify` compares every file with its digest. `self_test` proves on this machine that bias inputs are honoured:
        `quick` all together, `full` each by itself.

        Raises BaseError or one of its subclasses, InputError.
        """
        threads = None if threads is None else whole_number(threads, "threads", 1, MOST_THREADS)
        if session_options is not None:
            instance(session_options, "session_options", ort.SessionOptions, "an onnxruntime.SessionOptions")
        batch_size = whole_number(batch_size, "batch_size", 1)
        max_batch_tokens = whole_number(max_batch_tokens, "max_batch_tokens", 1)
        pack_cache_bytes = whole_number(pack_cache_bytes, "pack_cache_bytes", 0)
        memory_limit = None if memory_limit is None else whole_number(memory_limit, "memory_limit", 1)
        choice(self_test, "self_test", get_args(SelfTestLevel))
        verify = flag(verify, "verify")
        self._base = base if isinstance(base, Base) else Base.open(as_path(base, "base"))
        self._footprint = Footprint.of(self._base)
        patterns = memory_limit is None if session_options is None else session_options.enable_mem_pattern
        self._budget = Budget.of(
            self._footprint, batch_size, max_batch_tokens, pack_cache_bytes, memory_limit, patterns
        )
        if session_options is None:
            session_options = plain_options(patterns)
        self._session, self._tokenizer = _load(self._base, threads, session_options, verify)
        self._spares_token_logits = any(v.name == TOKENS_READ for v in self._session.get_overridable_initializers())
        self._padding = Padding.of_machine(self._base.manifest.max_length)
        self._levels = Levels.of(self._base.manifest)
        self._identities = Identities(self._base.manifest)
        self._defaults = {name: bias[None, None] for name, bias in self._base.default_biases.items()}
        if self_test != "off":
            test = quick_test if self_test == "quick" else full_test
            test(self._session, self._base.manifest, self._base.default_biases)
        self._installing = threading.Lock()
        self._packs: Mapping[str, Pack] = {}
        self._pack_cache = PackCache(self._base, self._budget.pack_cache)
        self._told_of_old_packs = threading.Event()  # forks share them
        self._told_of_no_branches = threading.Event()

    @property
    def base(self) -> Base:
        """The base that this engine runs."""
        return self._base

    def fork(self) -> "Engine":
        """Return an engine that shares this one's session and has no tasks yet: a place to try a pack out."""
        other = copy.copy(self)
        other._installing, other._packs, other._pack_cache = threading.Lock(), {}, self._pack_cache.empty()
        return other

    @cached_property
    def kernel_fingerprint(self) -> str:
        """16 hexadecimal digits: engines on a base that have the same answer alike to the bit. Raises SelfTestError."""
        return kernel_fingerprint(self._session, self._base.manifest, self._base.default_biases)

    @property
    def tasks(self) -> Mapping[str, PackInfo]:
        """The installed tasks by name: a snapshot that later changes do not touch."""
        return MappingProxyType({name: pack.info for name, pack in self._packs.items()})

    @property
    def memory(self) -> Memory:
        """The most bytes that this engine takes with the tasks that are installed now."""
        return self._budget.memory(self._footprint, self._packs.values())

    def install(self, name: str, pack: Pack | str | Path) -> PackInfo:
        """Install a pack, or the pack in a file, under a task name, replacing the one that was there.

        The pack is decoded once, to check that it can be, and kept as it is stored. If it cannot be used the earlier
        one stays. Raises PackError or one of its subclasses, InputError.
        """
        if not isinstance(name, str) or not 1 <= len(name) <= LIMITS.task_name_characters:
            raise InputError(
                f"a task name should be a string of 1 to {LIMITS.task_name_characters} characters: {name!r}"
            )
        if not isinstance(pack, Pack):
            pack = read_pack(as_path(pack, "pack"))
        pack.decode(self._base.manifest, self._base.default_biases)
        pack.centres(self._base.manifest.hidden_size)
        self._tell_once(name, pack.info)
        with self._installing:
            packs = {**self._packs, name: pack.copy()}
            self._budget = self._budget.within(self._footprint, packs.values())
            self._packs = packs
            self._pack_cache.keep(self._packs.values())
        return pack.info

    def _tell_once(self, name: str, info: PackInfo) -> None:
        """Warn of a pack that is used, although more could be had of it."""
        if info.tokenizer is None and not self._told_of_old_packs.is_set():
            self._told_of_old_packs.set()
            log.warning(
                "pack %r does not name the tokenizer that it was trained with, as packs of version 0.1.0 do not; it is "
                "used, and is right if %s is the same; train it again to have that checked (said once)",
                *(name, self._base.tokenizer_path),
            )
        branches, told = self._base.manifest.branches, self._told_of_no_branches
        if info.from_layer and min(branches, default=LIMITS.tokens) > info.from_layer and not told.is_set():
            told.set()
            log.warning(
                "pack %r begins at layer %d, but base %s has no branch point up to there; it is used, and shares no "
                "layers with others; export the base with branch points to have them shared (said once)",
                *(name, info.from_layer, self._base.manifest.name),
            )

    def remove(self, name: str) -> None:
        """Remove a task. Raises UnknownTaskError."""
        with self._installing:
            _find(self._packs, name)
            self._packs = {key: pack for key, pack in self._packs.items() if key != name}
            self._budget = self._budget.within(self._footprint, self._packs.values())
            self._pack_cache.keep(self._packs.values())

    @overload  # a str is a sequence of str too, but it is one text
    def predict(self, inputs: str | Row, task: str | None = None) -> Answer: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, inputs: Sequence[str | Row], task: str | None = None) -> list[Answer]: ...
    @overload
    def predict(self, inputs: str | Row, task: str | None = None, *, expect: type[A]) -> A: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, inputs: Sequence[str | Row], task: str | None = None, *, expect: type[A]) -> list[A]: ...
    @overload
    def predict(self, inputs: str | Row, *, tasks: Sequence[str]) -> dict[str, Answer]: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, inputs: Sequence[str | Row], *, tasks: Sequence[str]) -> list[dict[str, Answer]]: ...

    def predict(
        self,
        inputs: Inputs,
        task: str | None = None,
        *,
        tasks: Sequence[str] | None = None,
        expect: type[object] | None = None,
    ) -> object:
        """Answer one text or row, or a list of them with a list in the same order.

        A text is answered by `task`; a `Row` names its own, and every row may have another. The answer's class follows
        from the task's type: `Prediction` (classification), `LabelSet`, `Score`, `Entities`, `Span` or `Embedding`.
        With `expect` it is that class, also to a type checker, or InputError is raised before anything runs.

        With `tasks` each input is answered by all of them: a mapping from task to answer, or a list of mappings.

        An empty text is answered as such. A text that is too long is answered in windows where the pack declares them;
        what is left is cut, which the answer's `truncated` says.
        Raises InputError, UnknownTaskError, and PackFormatError where a pack gives what is no finite number.
        """
        if tasks is not None:
            if task is not None or expect is not None:
                raise InputError("tasks cannot be combined with task or expect; give one of them")
            return self._predict_tasks(inputs, tasks)
        answers = self._answers(as_rows(inputs, task), expect)
        return answers[0] if is_single(inputs) else answers

    def _predict_tasks(self, inputs: Inputs, tasks: Sequence[str]) -> object:
        per_input = list(as_rows_per_task(inputs, tasks))
        answers = iter(self._answers([row for rows in per_input for row in rows]))
        mappings = [{str(row.task): next(answers) for row in rows} for rows in per_input]
        return mappings[0] if is_single(inputs) else mappings

    def _answers(self, rows: Sequence[Row], expect: type[object] | None = None) -> list[Answer]:
        if expect is not None:
            instance(expect, "expect", type, "a class of answers such as Prediction")
        packs = self._packs_of(rows)
        for row, pack in zip(rows, packs, strict=True):
            found = TASK_TYPES[pack.info.task_type].answer
            if expect is not None and not issubclass(found, expect):
                raise InputError(f"task {row.task!r} answers with {found.__name__}, expected {expect.__name__}")
        outputs = [TASK_TYPES[pack.info.task_type].output for pack in packs]
        results = self._outputs(rows, packs, outputs, to_answer=True)
        centres = {pack: self._pack_cache.get(pack).centres for pack in set(packs) if _outliers(pack) is not None}
        return [request.answer(one, centres.get(pack)) for pack, (request, one) in zip(packs, results, strict=True)]

    def logits(self, inputs: Inputs, task: str | None = None) -> list[Float32]:
        """Return each row's plain logits, float32 `[labels]`, or `[tokens, labels]` where the task labels tokens.

        Inputs and errors are those of `predict`.
        """
        rows = as_rows(inputs, task)
        packs = self._packs_of(rows)
        for row, pack in zip(rows, packs, strict=True):
            if not pack.has_head:
                raise InputError(f"task {row.task!r} is an embedding, which has no logits; use embed or predict")
        outputs = [TASK_TYPES[pack.info.task_type].output for pack in packs]
        return [found.values for _, found in self._outputs(rows, packs, outputs)]

    def embed(self, inputs: Inputs, task: str | None = None) -> Float32:
        """Return each row's pooled vector, float32 `[inputs, hidden]`: the bare base's where a row has no task."""
        rows = as_rows(inputs, task)
        outputs = self._outputs(rows, self._packs_or_bare(rows), [POOLED] * len(rows))
        pooled = [found.values for _, found in outputs]
        return np.stack(pooled) if pooled else np.zeros((0, self._base.manifest.hidden_size), np.float32)

    def hidden_states(self, inputs: Inputs, task: str | None = None) -> list[Float32]:
        """Return each row's last hidden states, float32 `[its tokens, hidden]`, without the padding."""
        rows = as_rows(inputs, task)
        outputs = self._outputs(rows, self._packs_or_bare(rows), [LAST_HIDDEN_STATE] * len(rows))
        return [found.values for _, found in outputs]

    def explain(self, inputs: Inputs, task: str | None = None, *, tasks: Sequence[str] | None = None) -> Sharing:
        """Return what `predict` would share among the rows of such a call, without running it.

        Inputs and errors are those of `predict`.
        """
        if tasks is not None and task is not None:
            raise InputError("tasks cannot be combined with task; give one of them")
        rows = as_rows(inputs, task) if tasks is None else list(chain.from_iterable(as_rows_per_task(inputs, tasks)))
        packs = self._packs_of(rows)
        outputs = [TASK_TYPES[pack.info.task_type].output for pack in packs]
        runner, batches = self._runner, list[Batch]()
        for asked in self._pieces(rows, packs, outputs):
            batches += runner.plan([request for one in asked for request in one.requests])
        return Sharing.of(rows, batches, self._levels)

    def _packs_of(self, rows: Sequence[Row]) -> list[Pack]:
        packs = self._packs  # one read: a replacement from another thread is seen whole or not at all
        return [_find(packs, row.task) for row in rows]

    def _packs_or_bare(self, rows: Sequence[Row]) -> list[Pack | None]:
        packs = self._packs
        return [None if row.task is None else _find(packs, row.task) for row in rows]

    def _outputs(
        self, rows: Sequence[Row], packs: Sequence[Pack | None], outputs: Sequence[str], to_answer: bool = False
    ) -> Iterator[tuple[Request, Found]]:
        """Tokenize and run the rows in pieces, so that a long list takes no more memory than its results do.

        Yields each row's request and output, its windows joined, in the order of the rows; with `to_answer` also what
        answers need beside the output.
        """
        runner = self._runner
        for asked in self._pieces(rows, packs, outputs, to_answer):
            results = iter(runner.run([request for one in asked for request in one.requests]))
            for one in asked:
                yield one.whole, one.join(list(islice(results, len(one.text))))

    def _pieces(
        self, rows: Sequence[Row], packs: Sequence[Pack | None], outputs: Sequence[str], to_answer: bool = False
    ) -> Iterator[list[WindowedRequest]]:
        """Tokenize the rows, a piece at a time, and what several tasks read of one text once."""
        whole = Limit(self._base.manifest.max_length)
        limits = [whole if pack is None else Limit.of(pack.info) for pack in packs]
        for piece in pieces([*map(Load.of, rows, packs, limits)]):
            asked = [((row.text, row.text_pair), limit) for row, limit in zip(rows[piece], limits[piece], strict=True)]
            different = list(dict.fromkeys(asked))
            found = self._tokenizer.tokenize_windows(*map(list, zip(*different, strict=True)))
            texts = map(dict(zip(different, found, strict=True)).__getitem__, asked)
            parts = zip(rows[piece], packs[piece], texts, outputs[piece], strict=True)
            yield [
                WindowedRequest(Request(row, pack, text.text, output, to_answer and _needs_pooled(pack)), text)
                for row, pack, text, output in parts
            ]

    @property
    def _runner(self) -> Runner:
        manifest, budget = self._base.manifest, self._budget
        planner = Planner(
            *(self._levels, self._padding, manifest.hidden_size),
            *(budget.batch_size, budget.max_tokens, budget.most_tokens),
        )
        return Runner(
            *(self._session, manifest, planner, self._identities, self._defaults, self._pack_cache),
            self._spares_token_logits,
        )


def _load(
    base: Base, threads: int | None, options: ort.SessionOptions, verify: bool
) -> tuple[ort.InferenceSession, Tokenizer]:
    """Open the graph and the tokenizer of a base, checked as far as `verify` says."""
    base.check_graph(verify)
    with ThreadPoolExecutor(2) as pool:  # hashing and ONNX Runtime's loading overlap: both release the GIL
        verified = pool.submit(base.verify, graph=False) if verify else None
        tokenizer = pool.submit(Tokenizer.from_file, base.tokenizer_path)
        try:
            session = open_session(base.model_path, threads, options)
        finally:
            if verified is not None:
                verified.result()
    base.check_weights(session.get_modelmeta().custom_metadata_map)
    return session, tokenizer.result()


def _outliers(pack: Pack | None) -> Outliers | None:
    """Return how a pack tells outliers, None where it does not."""
    decisions = None if pack is None else pack.info.decisions
    return None if decisions is None else decisions.outliers


def _needs_pooled(pack: Pack | None) -> bool:
    """Whether a pack's answers need the pooled vector beside their own output."""
    outliers = _outliers(pack)
    return outliers is not None and outliers.space == POOLED


def _find(packs: Mapping[str, Pack], name: str | None) -> Pack:
    if name is None:
        raise InputError("no task was given; pass task=NAME, or Row(text, task)")
    if not isinstance(name, str) or name not in packs:
        known = ", ".join(sorted(packs)[:8]) or "none"
        raise UnknownTaskError(f"task {name!r} is not installed (installed: {known}); install its pack first")
    return packs[name]
