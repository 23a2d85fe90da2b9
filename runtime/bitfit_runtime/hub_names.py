"""Hub names: `org/name` or `org/name@revision`, taken wherever a path is taken that does not exist."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = re.compile(r"(\w[\w.-]*/\w[\w.-]*?)(?:@(\w[\w./-]*))?", re.ASCII)
FILES: Final = (".safetensors", ".onnx", ".json")  # so ends the name of a file, not of a repository


@dataclass(frozen=True, slots=True)
class HubName:
    """A repository of the hub, and a branch, tag or commit of it; None is the branch `main`."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.repository if self.revision is None else f"{self.repository}@{self.revision}"

    @property
    def short(self) -> str:
        """The last part of the repository's name."""
        return self.repository.partition("/")[2]

    @classmethod
    def parse(cls, text: str) -> "HubName | None":
        """Return what a text names, None where it is no hub name."""
        found = NAME.fullmatch(text)
        if found is None or text.endswith(FILES):
            return None
        return cls(found[1], found[2])

    @classmethod
    def of_path(cls, path: Path) -> "HubName | None":
        """Return what a path that does not exist names, None where it exists or can only be a path."""
        try:
            if path.is_absolute() or path.exists():
                return None
        except OSError:  # too long a name, or in a folder that may not be read: whoever reads it says so
            return None
        return cls.parse(path.as_posix())
