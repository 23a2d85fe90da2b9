"""Packs: one task's biases and head, as they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from bitfit_runtime.decisions import Decisions
from bitfit_runtime.errors import PackFormatError, PackMismatchError, PackNotFoundError
from bitfit_runtime.formats.manifest import BiasSpec, Manifest
from bitfit_runtime.formats.pack_encoding import Stored, decode, decode_centres
from bitfit_runtime.formats.schema import CENTRES, CREATED_BY, LIMITS, TOKENIZER_FILE, TRANSITIONS
from bitfit_runtime.graph import HEAD_BIAS, HEAD_WEIGHT, LOGITS
from bitfit_runtime.hub_names import HubName
from bitfit_runtime.transitions import LEGAL

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Windows:
    """How a text of more tokens than fit is answered: in overlapping windows, whose outputs are joined.

    `join` is a rule that the task type knows (`TaskType.joins`), `overlap` the number of tokens that neighbours share,
    `max_windows` how many windows are read; what is left after them is cut.
    """

    join: str
    overlap: int
    max_windows: int


@dataclass(frozen=True, slots=True)
class PackInfo:
    """What a pack says about itself.

    `base` is the digest of the base it was trained on, `tokenizer` that of its tokenizer (None in a pack of version
    0.1.0, which did not name it), `terms` the bias terms it holds in the paper's names, `encoding` how its numbers are
    stored. `labels` are in the order of the logits. Of its terms the pack holds the biases from encoder layer
    `from_layer` on: those that act on what lies below it are the base's. `windows` is None where long texts are cut,
    `decisions` where nothing was fitted on rows held out. `transitions` are `legal` or `learned` where the tags of a
    text are decided together, None where each word is decided by itself. `words` is `mean` where all tokens of a word
    speak for it, None where its first one does.
    """

    base: str
    base_name: str
    task: str
    task_type: str
    labels: tuple[str, ...]
    pooling: str
    max_length: int
    terms: tuple[str, ...]
    encoding: str = "float16"
    metrics: Mapping[str, float] = field(default_factory=dict)
    created_by: str = CREATED_BY
    tokenizer: str | None = None
    from_layer: int = 0
    windows: Windows | None = None
    transitions: str | None = None
    words: str | None = None
    decisions: Decisions | None = None

    def biases(self, base: Manifest) -> list[BiasSpec]:
        """Return the biases of the base that the pack holds, in the base's order."""
        return base.biases_of(self.terms, self.from_layer)


@dataclass(frozen=True, slots=True, eq=False)
class Canary:
    """A few inputs and what the pack answered, so that another machine can check that it answers alike.

    `texts` are (text, text_pair or None). `expected` holds the outputs that the task's type reads, float32, row after
    row end to end. `kernel_fingerprint` names the kernels that computed them: `Engine.kernel_fingerprint`.
    """

    texts: tuple[tuple[str, str | None], ...]
    kernel_fingerprint: str
    expected: Float32


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Pack:
    """One task, as it is stored: `pack_encoding` says what `tensors` hold. Equal only to itself."""

    info: PackInfo
    tensors: Mapping[str, Stored]
    canary: Canary | None = None

    @classmethod
    def from_pretrained(cls, name: str, *, revision: str | None = None, token: str | None = None) -> "Pack":
        """Read a pack of the hub, fetched into its cache once and compared with its SHA-256.

        `revision` is a branch, tag or commit; `token` is for private repositories. Raises PackError, MissingExtraError.
        """
        from bitfit_runtime import read_pack  # through the door: pack files are read into this class

        parsed = HubName.parse(name)
        if parsed is None:
            raise PackNotFoundError(f"{name!r} is not a name on the hub; give owner/name, or read a file")
        return read_pack(f"{parsed.repository}@{revision or parsed.revision or 'main'}", token)

    def push_to_hub(
        self,
        name: str,
        *,
        base: str | None = None,
        token: str | None = None,
        private: bool | None = None,
        card: str | None = None,
    ) -> str:
        """Push the pack to a repository of the hub, in one commit, and return `owner/name@commit`.

        `base` is the hub name of its base: its commit is written beside the pack, once its digest is the pack's.
        `card` is the text of its README.md. Raises HubError, PackError, MissingExtraError.
        """
        from bitfit_runtime import hub, hub_push, write_pack

        place, fits = hub_push.repository(name), hub.PackBase(self.info.base, self.info.base_name)
        if base is not None:
            fits = hub_push.located(fits, hub_push.repository(base), token)
        with TemporaryDirectory() as folder:  # the door writes files alone, and `serialize` imports this module
            data = write_pack(self, Path(folder, hub.PACK_FILE)).read_bytes()
        return str(hub_push.push_pack(data, fits, place, token, private, card))

    def decode(self, base: Manifest, defaults: Mapping[str, Float32]) -> dict[str, Float32]:
        """Return float32 biases `[size]` by the base's names, `head.weight [hidden, labels]`, `head.bias [labels]`.

        `defaults` are the base's biases. Raises PackMismatchError when the pack was made for another base, and
        PackFormatError when its tensors do not fit this one.
        """
        info, where = self.info, f"pack {self.info.task!r}"
        if info.base != base.digest:
            raise PackMismatchError(
                f"{where} was made for base {info.base_name} ({info.base[:19]}…), this base is {base.name} "
                f"({base.digest[:19]}…); train it on this base, or load the other one"
            )
        if info.tokenizer not in (None, base.tokenizer_digest):
            raise PackMismatchError(
                f"{where} was made with another tokenizer ({info.tokenizer[:19]}…) than {TOKENIZER_FILE} of base "
                f"{base.name} ({base.tokenizer_digest[:19]}…); train it on this base, or load the other one"
            )
        if info.pooling != base.pooling:
            raise PackMismatchError(f"{where} pools by {info.pooling}, the base by {base.pooling}; train it again")
        if info.max_length > base.max_length:
            raise PackMismatchError(f"{where} takes {info.max_length} tokens, the base at most {base.max_length}")
        if info.from_layer > base.layers:
            raise PackMismatchError(f"{where} begins at layer {info.from_layer}, the base has {base.layers} layers")
        unknown = set(info.terms) - {spec.term for spec in base.biases}
        if unknown:
            raise PackFormatError(f"{where} holds bias term {min(unknown)!r}, which the base lacks; train it again")
        try:
            return decode(self.tensors, info.biases(base), len(info.labels), defaults, base.hidden_size)
        except PackFormatError as error:
            raise PackFormatError(f"{where}: {error}") from None

    def centres(self, hidden_size: int) -> Float32 | None:
        """Return the class centres by which outliers are told, `[labels, labels or hidden]`; None without them.

        Raises PackFormatError when their tensor does not fit the base.
        """
        decisions, labels = self.info.decisions, len(self.info.labels)
        if decisions is None or decisions.outliers is None:
            return None
        width = labels if decisions.outliers.space == LOGITS else hidden_size
        if labels * width > LIMITS.centre_codes:
            raise PackFormatError(
                f"pack {self.info.task!r} has {labels} class centres of {width} numbers, at most {LIMITS.centre_codes} "
                "codes are accepted; train it without decisions"
            )
        try:
            return decode_centres(self.tensors[CENTRES], labels, width)
        except PackFormatError as error:
            raise PackFormatError(f"pack {self.info.task!r}: {error}") from None

    def copy(self) -> "Pack":
        """Return a pack with numbers of its own, without the canary."""
        return Pack(self.info, {name: tensor.copy() for name, tensor in self.tensors.items()})

    @property
    def transitions(self) -> Float32 | None:
        """Scores `[labels + 1, labels]` of a tag after another, or after none; None where words are decided alone."""
        count = len(self.info.labels)
        if self.info.transitions is None:
            return None
        if self.info.transitions == LEGAL:
            return np.zeros((count + 1, count), np.float32)
        return self.tensors[TRANSITIONS].astype(np.float32).reshape(count + 1, count)

    @property
    def has_head(self) -> bool:
        """Whether the pack holds a head besides biases."""
        return HEAD_WEIGHT in self.tensors and HEAD_BIAS in self.tensors
