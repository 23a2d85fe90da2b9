"""Settings of a publisher: lifetimes of signed metadata, stored beside the keys."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from bitfit_runtime.arguments import shown
from bitfit_runtime.files import write_file
from bitfit_runtime.formats import Fields
from bitfit_toolkit.errors import PublishError

SCHEMA: Final = 1
MAX_DAYS: Final = 3650


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Days from signing to expiry. A device accepts no update from metadata that have expired."""

    root: int = 365
    targets: int = 90
    snapshot: int = 30
    timestamp: int = 7

    def __post_init__(self) -> None:
        """Raises PublishError."""
        for role, days in asdict(self).items():
            if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
                raise PublishError(f"{role} metadata should last from 1 to {MAX_DAYS} days, found {shown(days)}")

    def of(self, role: str) -> timedelta:
        """Return the lifetime of a role's metadata; hash bins have that of targets."""
        days = {Root.type: self.root, Snapshot.type: self.snapshot, Timestamp.type: self.timestamp}
        return timedelta(days=days.get(role, self.targets))

    def write(self, path: Path) -> None:
        """Write the file. Raises OSError."""
        write_file(path, json.dumps({"schema_version": SCHEMA, "days": asdict(self)}, indent=2).encode())

    @classmethod
    def read(cls, path: Path) -> "Lifetimes":
        """Read the file. Raises PublishError when it is not what `write` writes."""
        try:
            fields = Fields(json.loads(path.read_bytes()), str(path), PublishError)
        except FileNotFoundError:
            raise PublishError(
                f"{path.parent} holds no keys of a repository: {path.name} is missing; create them "
                "with 'bitfit publish init'"
            ) from None
        except ValueError as error:
            raise PublishError(f"{path} is not JSON ({error}); restore it from a backup of the keys") from None
        fields.schema(SCHEMA)
        days = fields.nested("days")
        return cls(**{role: days.get(role, int) for role in (Root.type, Targets.type, Snapshot.type, Timestamp.type)})
