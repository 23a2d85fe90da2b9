"""`bitfit push`: a base or a pack to the hub."""

from pathlib import Path
from typing import Annotated

import typer

from bitfit_runtime import Base, read_pack
from bitfit_runtime.errors import PackNotFoundError
from bitfit_runtime.hub import PackBase
from bitfit_runtime.hub_names import HubName
from bitfit_runtime.hub_push import located, push_base, push_pack, repository
from bitfit_toolkit.cli.options import Json
from bitfit_toolkit.cli.output import print_json, print_notes, print_pairs

EXAMPLES = "Examples: `bitfit push base me/base` · `bitfit push mood.safetensors me/mood --base me/base --private`"


def command(
    path: Annotated[Path, typer.Argument(help="Folder of a base, or a pack file.")],
    name: Annotated[str, typer.Argument(help="Repository on the hub, owner/name; it is made where there is none.")],
    base: Annotated[
        str | None, typer.Option(help="Of a pack: the hub name of its base, which is then pinned to its commit.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    json: Json = False,
) -> None:
    """Push a base or a pack to the hub, in one commit."""
    place, hidden = repository(name), private or None
    if path.is_dir():
        if base is not None:
            raise typer.BadParameter("is for packs", param_hint="--base")
        opened = Base.open(path)
        opened.verify()
        done = push_base(path, opened.manifest.files, place, None, hidden, None)
    else:
        done = _pack(path, place, base, hidden)
    if json:
        print_json({"pushed": str(done), "repository": done.repository, "revision": done.revision})
    else:
        print_pairs([("pushed", str(done))])


def _pack(path: Path, place: HubName, base: str | None, private: bool | None) -> HubName:
    if not path.exists():
        raise PackNotFoundError(f"no base or pack at {path}; give the folder of a base or a pack file")
    info = read_pack(path).info
    fits = PackBase(info.base, info.base_name)
    if base is None:
        print_notes([f"{place} does not say where base {info.base_name} is; give --base owner/name"])
    else:
        fits = located(fits, repository(base), None)
    return push_pack(path.read_bytes(), fits, place, None, private, None)
