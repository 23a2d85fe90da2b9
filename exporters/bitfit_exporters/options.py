"""What a user may choose about an export."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """`pooling` None means the family's default; `max_length` (tokens) None means all positions the model has.

    `name` None means the last part of the model's name or folder.
    """

    precision: str = "int8"
    pooling: str | None = None
    max_length: int | None = None
    revision: str | None = None
    offline: bool = False
    name: str | None = None
