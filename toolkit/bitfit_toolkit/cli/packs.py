"""Engines for the sub-commands that answer texts."""

from collections.abc import Sequence
from pathlib import Path

import typer

from bitfit_runtime import Engine
from bitfit_runtime.hub_names import HubName


def named_pack(item: str) -> tuple[str, Path]:
    """Split a pack given as NAME=FILE, or as FILE or hub name under its own name. Raises BadParameter."""
    name, separator, path = item.partition("=")
    if not separator:
        on_hub = HubName.of_path(Path(item))
        name, path = Path(item).stem if on_hub is None else on_hub.short, item
    if not name or not path:
        raise typer.BadParameter(f"expected NAME=FILE, found {item!r}", param_hint="--pack")
    return name, Path(path)


def engine_with(base: Path, packs: Sequence[str], threads: int | None) -> Engine:
    """Load a base and install packs as `named_pack` reads them."""
    engine = Engine(base, threads=threads)
    for name, path in map(named_pack, packs):
        engine.install(name, path)
    return engine
