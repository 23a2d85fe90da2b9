"""What an export tells the person who ran it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Figures of one export. Sizes are in bytes; `fp32_bytes` is what the same parameters take in float32."""

    name: str
    output: str
    digest: str
    architecture: str
    precision: str
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
    seconds: float

    def as_dict(self) -> dict[str, str | int | float]:
        """Return the figures by name, for programs."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Return (what, figure) lines, for people."""
        share = self.bias_parameters / self.parameters
        return [
            (
                "base",
                f"{self.name}: {self.architecture}, {self.precision}, {self.pooling} pooling, {self.max_length} tokens",
            ),
            ("digest", self.digest),
            ("bias inputs", f"{self.bias_inputs} with {self.bias_parameters:,} parameters, {share:.3%} of the model"),
            ("graph", f"{self.model_bytes / 1e6:.1f} MB, {self.model_bytes / self.fp32_bytes:.3f} of float32"),
            (
                "distance from torch",
                f"mean {self.parity_mean:.4f}, worst {self.parity_error:.4f} (relative L2 of the pooled vectors); "
                f"cosine error {self.cosine_error:.4f}",
            ),
            ("rows in company", "bit-identical" if self.row_error == 0 else f"within {self.row_error:.1e}"),
            ("took", f"{self.seconds:.0f} s"),
        ]
