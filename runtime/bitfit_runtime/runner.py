"""Running requests: a plan, what each of its batches feeds to the graph, and each request's part of what comes back."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from bitfit_runtime.batching import bias_feeds, branch_feeds, head_feeds
from bitfit_runtime.formats import Manifest, Pack
from bitfit_runtime.graph import POOLED, TOKEN_LOGITS, TOKENS_READ
from bitfit_runtime.levels import Identities
from bitfit_runtime.pack_cache import BARE_BASE, DecodedPack, PackCache
from bitfit_runtime.planning import Batch, Leaf, Planner
from bitfit_runtime.request import Found, Request
from bitfit_runtime.session import run_session
from bitfit_runtime.tokenizer import collate

Float32 = npt.NDArray[np.float32]
Stacker = Callable[[Sequence[DecodedPack]], Mapping[str, Float32]]
NO_TOKENS: Final = np.zeros(1, np.int64)


@dataclass(frozen=True, slots=True)
class Runner:
    """A session with what it takes to run requests on it. `defaults` are the base's biases, `[1, 1, n]` each.

    `spares_token_logits` says that the graph computes token logits only of as many tokens as are asked for.
    """

    session: ort.InferenceSession
    manifest: Manifest
    planner: Planner
    identities: Identities
    defaults: Mapping[str, Float32]
    packs: PackCache
    spares_token_logits: bool

    def plan(self, requests: Sequence[Request]) -> list[Batch]:
        """Return the batches in which the requests run."""
        return self.planner.plan([self._leaf(request) for request in requests])

    def _leaf(self, request: Request) -> Leaf:
        biases = self.identities.of(request.pack).biases
        tokens, head = request.tokens, request.head
        if head is None:
            return Leaf.of(tokens.key, len(tokens), biases)
        return Leaf.of(tokens.key, len(tokens), biases, self.identities.of(head).head, len(head.info.labels))

    def run(self, requests: Sequence[Request]) -> list[Found]:
        """Run every request and return its output, without padding, in their order."""
        results: dict[int, Found] = {}
        for batch in self.plan(requests):
            wanted = sorted({name for index in batch.rows for name in requests[index].outputs})
            feeds = self._feeds(batch, requests)
            if self.spares_token_logits and TOKEN_LOGITS not in wanted:
                feeds[TOKENS_READ] = NO_TOKENS
            found = dict(zip(wanted, run_session(self.session, wanted, feeds), strict=True))
            for index, row in batch.rows.items():
                request = requests[index]
                values = request.without_padding(found[request.output][row])
                # Copied, as callers may change what two rows share, and a view would keep the whole batch in memory.
                results[index] = Found(values.copy(), found[POOLED][row] if request.pooled else None)
        return [results[index] for index in range(len(requests))]

    def _feeds(self, batch: Batch, requests: Sequence[Request]) -> dict[str, npt.NDArray[np.generic]]:
        """Return what a batch feeds to the graph: tokens, what continues what, biases of each level, heads."""
        manifest = self.manifest
        decoded = self._decode({requests[index].pack for level in batch.levels for index in level.requests})
        texts = [requests[index].tokens for index in batch.levels[0].requests]
        feeds: dict[str, npt.NDArray[np.generic]] = {}
        feeds |= collate(texts, manifest.inputs, manifest.pad_token_id, batch.width)
        feeds |= branch_feeds(batch, self.planner.levels.starts)
        for place, (level, names) in enumerate(zip(batch.levels, self.planner.levels.biases, strict=True)):
            stack = partial(bias_feeds, names=names, defaults=self.defaults)
            feeds |= self._stacked(place, [requests[index].pack for index in level.requests], decoded, stack)
        heads = [requests[index].head for index in batch.levels[-1].requests]
        feeds |= self._stacked(len(batch.levels), heads, decoded, head_feeds)
        return feeds

    def _stacked(
        self, place: int, packs: Sequence[Pack | None], decoded: Mapping[Pack | None, DecodedPack], stack: Stacker
    ) -> Mapping[str, Float32]:
        """Return the feeds of rows that have these packs; what several packs feed may be that of the last batch."""
        own = [decoded[pack] for pack in packs]
        if all(one is own[0] for one in own):
            return stack(own)
        return self.packs.stacked(place, packs, lambda: stack(own))

    def _decode(self, packs: Collection[Pack | None]) -> dict[Pack | None, DecodedPack]:
        """Return packs in the graph's shapes, and the bare base under None."""
        return {None: BARE_BASE} | {pack: self.packs.get(pack) for pack in packs if pack is not None}
