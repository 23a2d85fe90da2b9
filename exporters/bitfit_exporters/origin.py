"""Where a checkpoint comes from, by its model card: what a base's card may say of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huggingface_hub import ModelCard

from bitfit_runtime.formats.schema import CARD_FILE

LONGEST_CARD: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """The hub name of a checkpoint and the license that its card states; None is what nobody said."""

    model: str | None = None
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None

    @classmethod
    def of(cls, folder: Path, model: str | None = None) -> "Origin":
        """Read the license from the card beside a checkpoint; none, or one that cannot be read, states none."""
        card = folder / CARD_FILE
        try:
            if not card.is_file() or card.stat().st_size > LONGEST_CARD:
                return cls(model)
            data = ModelCard(card.read_text(encoding="utf-8"), ignore_metadata_errors=True).data
        except Exception:  # YAML that somebody wrote by hand, of which the parser raises whatever it likes
            return cls(model)
        return cls(model, _text(data.license), _text(data.license_name), _text(data.license_link))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


UNKNOWN: Final = Origin()
