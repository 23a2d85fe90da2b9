"""`bitfit push`: a base or a pack to the hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bitfit_runtime import Base, PackInfo, read_pack
from bitfit_runtime.errors import HubError, PackNotFoundError
from bitfit_runtime.formats.schema import CARD_FILE
from bitfit_runtime.hub import PackBase, optional_file
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
    card: Annotated[
        Path | None, typer.Option(help="Markdown file to push as README.md in place of the card that is made.")
    ] = None,
    stated: Annotated[
        str | None, typer.Option("--license", help="License of a pack; default: what its base's card states.")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="Hub name of a data set that a pack was trained on; may be repeated.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    json: Json = False,
) -> None:
    """Push a base or a pack to the hub, in one commit."""
    place, hidden = repository(name), private or None
    if path.is_dir():
        for flag, value in (("--base", base), ("--license", stated), ("--dataset", dataset)):
            if value:
                raise typer.BadParameter("is for packs", param_hint=flag)
        opened = Base.open(path)
        opened.verify()
        text = _base_card(opened, place) if card is None else _read(card)
        done = push_base(path, opened.manifest.files, place, None, hidden, text)
    else:
        info, fits = _pack(path, place, base)
        text = _pack_card(path, info, fits, place, stated, dataset or []) if card is None else _read(card)
        done = push_pack(path.read_bytes(), fits, place, None, hidden, text)
    if json:
        print_json({"pushed": str(done), "repository": done.repository, "revision": done.revision})
    else:
        print_pairs([("pushed", str(done))])


def _pack(path: Path, place: HubName, base: str | None) -> tuple[PackInfo, PackBase]:
    if not path.exists():
        raise PackNotFoundError(f"no base or pack at {path}; give the folder of a base or a pack file")
    info = read_pack(path).info
    fits = PackBase(info.base, info.base_name)
    if base is not None:
        return info, located(fits, repository(base), None)
    print_notes([f"{place} does not say where base {info.base_name} is; give --base owner/name"])
    return info, fits


def _base_card(base: Base, place: HubName) -> str:
    """Return the card in a base's folder for its new place; one is made where there is none."""
    from bitfit_exporters.base_card import base_card, placed
    from bitfit_exporters.origin import Origin

    path = base.folder / CARD_FILE
    if path.is_file():
        return placed(_read(path), str(place))
    return base_card(base.manifest, Origin(), str(place))


def _pack_card(
    path: Path, info: PackInfo, base: PackBase, place: HubName, stated: str | None, datasets: Sequence[str]
) -> str:
    from bitfit_exporters.origin import Origin
    from bitfit_toolkit.cards.facts import read_facts
    from bitfit_toolkit.cards.pack_card import pack_card

    facts = read_facts(path)
    if stated is None and base.source is not None:
        card = optional_file(base.source, CARD_FILE)
        stated = None if card is None else Origin.of(card.parent).license
    if stated is None:
        print_notes(["the card states no license: give --license, or push a base whose card states one"])
    return pack_card(info, base, str(place), facts, stated, datasets)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise HubError(f"{path} is not UTF-8 ({error}); write the card again") from None
