"""`bitfit pull`: a base or a pack from the hub."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from bitfit_exporters.staging import staged
from bitfit_runtime import Base
from bitfit_runtime.errors import HubError
from bitfit_runtime.files import make_folder, write_output
from bitfit_runtime.formats.schema import CARD_FILE, MANIFEST_FILE
from bitfit_runtime.hub import BASE, PackBase, base_digest, fetch, fetch_base, fetch_pack, optional_file
from bitfit_runtime.hub_names import HubName
from bitfit_runtime.hub_push import repository
from bitfit_toolkit.cli.options import Json
from bitfit_toolkit.cli.output import print_json, print_pairs

EXAMPLES = (
    "Examples: `bitfit pull me/base base` · `bitfit pull me/mood@v1 mood.safetensors` · "
    "`bitfit pull me/mood mood.safetensors --base base`"
)


def command(
    name: Annotated[str, typer.Argument(help="owner/name on the hub, perhaps owner/name@revision.")],
    output: Annotated[Path, typer.Argument(help="Folder of the base, or pack file, to write.")],
    base: Annotated[
        Path | None, typer.Option(help="Of a pack: pull the base that it fits too, into this folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch a base or a pack from the hub, check its digests, and write it."""
    found = fetch(repository(name))
    facts = {"pulled": str(found.name), "output": str(output)}
    if found.kind == BASE:
        if base is not None:
            raise typer.BadParameter(f"is for packs, {found.name} holds a base", param_hint="--base")
        facts["base"] = _base(found.name, output)
    else:
        facts |= _pack(found.name, output, base)
    if json:
        print_json(facts)
    else:
        print_pairs(list(facts.items()))


def _base(name: HubName, output: Path) -> str:
    """Write a base of the hub to a folder, whole or not at all, and return its digest."""
    folder = fetch_base(name)
    opened = Base.open(folder)
    opened.verify()
    card = optional_file(name, CARD_FILE)
    with staged(output) as place:
        for path in (folder / MANIFEST_FILE, *(folder / file for file in opened.manifest.files)):
            shutil.copyfile(path, place / path.name)
        if card is not None:
            shutil.copyfile(card, place / CARD_FILE)
    return opened.manifest.digest


def _pack(name: HubName, output: Path, folder: Path | None) -> dict[str, str]:
    """Write a pack of the hub to a file, its base too where that is wanted; return what it says of its base."""
    path, document = fetch_pack(name)
    if folder is not None:
        _fitting(name, document.base, folder)
    make_folder(output.parent)
    write_output(output, path.read_bytes())
    source = document.base.source
    return {"base": document.base.digest, "base from": "not said" if source is None else str(source)}


def _fitting(name: HubName, base: PackBase, folder: Path) -> None:
    """Pull the base that a pack fits. Raises HubError where nobody says where it is, or it is another one by now."""
    if base.source is None:
        raise HubError(
            f"{name} does not say where its base {base.name} ({base.digest[:19]}…) is; pull that by its name"
        )
    try:
        found = fetch(repository(str(base.source)))
    except HubError as error:
        raise HubError(f"the base of {name} cannot be had: {error}") from None
    digest = base_digest(found)
    if digest != base.digest:
        raise HubError(
            f"{base.source} holds base {digest[:19]}… by now, {name} was made for {base.digest[:19]}…; pull the commit "
            "of the base that has it"
        )
    _base(found.name, folder)
