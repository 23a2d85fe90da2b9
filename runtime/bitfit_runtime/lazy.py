"""Lazy exports: names of a package that are imported when they are first used."""

import importlib
import sys
from collections.abc import Callable, Mapping

from bitfit_runtime.errors import MissingExtraError


def lazy_exports(
    package: str, modules: Mapping[str, str], extra: str = ""
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package whose public names live in `modules`, by name.

    `extra` names the optional dependencies that these modules need. Then the first raises MissingExtraError, which
    says what to install, where one is missing.
    """

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(modules[name]), name)
        except ModuleNotFoundError as error:
            if not extra or (error.name or "").startswith("bitfit"):
                raise
            raise MissingExtraError.from_import(f"{package}.{name}", error, extra) from None

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return get, names
