"""Report of an export: what was made, and how far it is from torch."""

from dataclasses import asdict, dataclass
from pathlib import Path

from bitfit_exporters.verify import Verified
from bitfit_runtime.formats import Manifest


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Figures of one export.

    `model_bytes` is the size of the graph and its weights, `fp32_bytes` what the same parameters take in float32. The
    errors of parity and of cosines are those of `Parity`, `row_error` that of `Verified`. Rows may branch below the
    layers `branches`. Entities and answers are
    those of `TokenizerCheck`: what no entity or span task on this base can exceed. `notes` say what of the model's
    folder (modules of sentence-transformers) is not in the base.
    """

    name: str
    output: str
    digest: str
    architecture: str
    precision: str
    activations: str
    pooling: str
    max_length: int
    bias_inputs: int
    bias_parameters: int
    parameters: int
    model_bytes: int
    fp32_bytes: int
    parity_error: float
    parity_mean: float
    cosine_error: float
    row_error: float
    branches: tuple[int, ...]
    entities_f1: float
    answers_exact: float
    entities_lost: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        output: Path,
        verified: Verified,
        model_bytes: int,
        seconds: float,
        notes: tuple[str, ...],
    ) -> "ExportReport":
        """Return the report of a base that was written to `output`."""
        return cls(
            name=manifest.name,
            output=str(output),
            digest=manifest.digest,
            architecture=manifest.architecture,
            precision=manifest.precision,
            activations=manifest.activations,
            pooling=manifest.pooling,
            max_length=manifest.max_length,
            bias_inputs=len(manifest.biases),
            bias_parameters=manifest.bias_parameters,
            parameters=manifest.parameters,
            model_bytes=model_bytes,
            fp32_bytes=4 * manifest.parameters,
            parity_error=verified.parity.worst,
            parity_mean=verified.parity.mean,
            cosine_error=verified.parity.cosine,
            row_error=verified.row_error,
            branches=manifest.branches,
            entities_f1=verified.tokenizer.entities_f1,
            answers_exact=verified.tokenizer.answers_exact,
            entities_lost=verified.tokenizer.lost,
            seconds=seconds,
            notes=notes,
        )

    def as_dict(self) -> dict[str, str | int | float | tuple[str, ...] | tuple[int, ...]]:
        """Return the figures by name, for programs."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Return (what, figure) pairs, for people."""
        share = self.bias_parameters / self.parameters
        return [
            (
                "base",
                f"{self.name}: {self.architecture}, {self.precision}, {self.pooling} pooling, {self.max_length} tokens",
            ),
            *([("activations", "static")] if self.activations == "static" else []),
            ("digest", self.digest),
            ("bias inputs", f"{self.bias_inputs} with {self.bias_parameters:,} parameters, {share:.3%} of the model"),
            ("graph", f"{self.model_bytes / 1e6:.1f} MB, {self.model_bytes / self.fp32_bytes:.3f} of float32"),
            (
                "distance from torch",
                f"mean {self.parity_mean:.4f}, worst {self.parity_error:.4f} (relative L2 of the pooled vectors); "
                f"cosine error {self.cosine_error:.4f}",
            ),
            ("rows in company", "bit-identical" if self.row_error == 0 else f"within {self.row_error:.1e}"),
            ("rows may branch", f"below layers {', '.join(map(str, self.branches))}" if self.branches else "nowhere"),
            ("entities, answers", self._limits()),
            *(("not in the base", note) for note in self.notes),
            ("took", f"{self.seconds:.0f} s"),
        ]

    def _limits(self) -> str:
        if not self.entities_lost:
            return "tokens tell them apart"
        return (
            f"tokens tell them apart up to F1 {self.entities_f1:.2f}, exact match {self.answers_exact:.2f}: some are "
            f"made of more than {', '.join(self.entities_lost[:3])}; other tasks do not mind"
        )
