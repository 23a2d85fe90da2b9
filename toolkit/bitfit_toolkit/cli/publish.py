"""`bitfit publish`: a signed repository of packs, as a static folder."""

import contextlib
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bitfit_runtime import Engine
from bitfit_toolkit.cli.output import say
from bitfit_toolkit.cli.packs import named_pack
from bitfit_toolkit.cli.publish_report import print_releases, print_roles, print_state, report_expiry

if TYPE_CHECKING:  # it needs the extra `publish`
    from bitfit_toolkit.publish import Publisher

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Publish packs as a static folder that devices can trust.",
    epilog="Keys are encrypted with the passphrase in `BITFIT_KEY_PASSPHRASE`, or one that is asked for. Folders can "
    "be set once: `BITFIT_REPOSITORY`, `BITFIT_KEYS`, `BITFIT_ROOT_KEYS`, `BITFIT_BASE`.",
)


class Role(StrEnum):
    """Roles whose keys can be replaced."""

    ROOT = "root"
    TARGETS = "targets"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"


Repository = Annotated[
    Path, typer.Option(help="Folder to serve: packs and signed metadata.", envvar="BITFIT_REPOSITORY")
]
Keys = Annotated[Path, typer.Option(help="Folder of the online keys. Never serve it.", envvar="BITFIT_KEYS")]
RootKeys = Annotated[Path, typer.Option(help="Folder of the root keys; keep it offline.", envvar="BITFIT_ROOT_KEYS")]
WarnDays = Annotated[
    float | None,
    typer.Option(
        min=0, max=3650, help="Exit with 10 when something expires within so many days; default: a warning from 14 on."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command(epilog="Example: `bitfit publish init --repository site --keys keys --root-keys root-keys`")
def init(
    repository: Repository,
    keys: Keys,
    root_keys: RootKeys,
    root_days: Annotated[int, typer.Option(help="Lifetime of a root.")] = 365,
    targets_days: Annotated[int, typer.Option(help="Lifetime of the signed list of packs.")] = 90,
    snapshot_days: Annotated[int, typer.Option(help="Lifetime of a snapshot.")] = 30,
    timestamp_days: Annotated[int, typer.Option(help="Lifetime of a timestamp, which bounds how old news may be.")] = 7,
    json: Json = False,
) -> None:
    """Make keys and an empty repository. Its first root, root.json in the folder of the keys, ships to devices."""
    from bitfit_toolkit.publish import Lifetimes

    publisher = _publisher(repository, keys, root_keys, confirm=True)
    publisher.initialize(Lifetimes(root_days, targets_days, snapshot_days, timestamp_days))
    print_roles(publisher, json)


@app.command(
    epilog="Examples: `bitfit publish add --repository site --keys keys --base base mood=mood.safetensors` · "
    "`… --base base packs/*.safetensors` · `… mood=mood.safetensors --release 12`"
)
def add(
    packs: Annotated[list[str], typer.Argument(help="NAME=FILE, or FILE under its own name; published together.")],
    repository: Repository,
    keys: Keys,
    base: Annotated[Path, typer.Option(help="Folder of the base that the packs were made for.", envvar="BITFIT_BASE")],
    release: Annotated[int | None, typer.Option(help="Number of the release; default: the task's next.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Let a task change its type or labels, or its number by more than 1,000.")
    ] = False,
    json: Json = False,
) -> None:
    """Validate packs on their base and publish them. A pack that is its task's newest release already is skipped."""
    from bitfit_toolkit.publish import validate_pack

    publisher = _publisher(repository, keys)
    publisher.state()  # report a folder that cannot be published into before the base is loaded
    engine = Engine(base, threads=1)
    candidates = [validate_pack(engine, name, path) for name, path in map(named_pack, packs)]
    print_releases(publisher.add(candidates, release, force), json)
    report_expiry(publisher)


@app.command("remove", hidden=True)
@app.command(epilog="Example: `bitfit publish withdraw --repository site --keys keys mood`")
def withdraw(
    tasks: Annotated[list[str], typer.Argument(help="Names of tasks.")],
    repository: Repository,
    keys: Keys,
    base: Annotated[
        str | None, typer.Option(help="Folder of the base, or of its packs in the repository, if there are several.")
    ] = None,
    json: Json = False,
) -> None:
    """Withdraw tasks. Devices that have one report it; it may be published again, as a later release."""
    publisher = _publisher(repository, keys)
    bases = publisher.state().catalogue.bases
    if base is None and len(bases) != 1:
        found = ", ".join(bases) or "none has packs here"
        raise typer.BadParameter(f"say which base: {found}", param_hint="--base")
    publisher.withdraw(tasks, base)
    print_roles(publisher, json)
    report_expiry(publisher)


@app.command(epilog="Example: `bitfit publish status --repository site --keys keys --json`")
def status(repository: Repository, keys: Keys, warn_days: WarnDays = None, json: Json = False) -> None:
    """Show versions, expiry and what is published. Needs no passphrase."""
    publisher = _publisher(repository, keys)
    print_state(publisher, json)
    report_expiry(publisher, warn_days)


@app.command(
    epilog="Examples: `bitfit publish refresh --repository site --keys keys` every day · `… --targets` every month · "
    "`… --root --root-keys root-keys` every half year"
)
def refresh(
    repository: Repository,
    keys: Keys,
    root_keys: Annotated[Path | None, typer.Option(help="For --root.", envvar="BITFIT_ROOT_KEYS")] = None,
    targets: Annotated[bool, typer.Option("--targets", help="Also sign targets past half of their lifetime.")] = False,
    root: Annotated[bool, typer.Option("--root", help="Also sign the root again, with its keys.")] = False,
    warn_days: WarnDays = None,
    json: Json = False,
) -> None:
    """Sign the timestamp again, and the snapshot when it is past half of its lifetime. Meant for cron."""
    publisher = _publisher(repository, keys, root_keys)
    publisher.refresh(targets, root)
    print_roles(publisher, json)
    report_expiry(publisher, warn_days)


@app.command(
    epilog="Examples: `bitfit publish rotate-key timestamp --repository site --keys keys --root-keys root-keys` · "
    "`bitfit publish rotate-key root --key 1a2b3c4d …`"
)
def rotate_key(
    role: Annotated[Role, typer.Argument(help="Whose key.")],
    repository: Repository,
    keys: Keys,
    root_keys: RootKeys,
    key: Annotated[str, typer.Option(help="The root key to replace: the first characters of its id in status.")] = "",
    lost: Annotated[bool, typer.Option("--lost", help="The old key cannot sign any more.")] = False,
    json: Json = False,
) -> None:
    """Replace a key. Run the command again if it was interrupted."""
    publisher = _publisher(repository, keys, root_keys)
    publisher.rotate_key(role, key, lost)
    print_roles(publisher, json)
    report_expiry(publisher)


@app.command(epilog="Example: `bitfit publish serve --repository site --port 8000`")
def serve(
    repository: Repository, port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 picks a free one.")] = 8000
) -> None:
    """Serve the folder on this machine, to try it out. In production any web server will do."""
    from bitfit_toolkit.publish import open_server

    with open_server(repository, port) as server, contextlib.suppress(KeyboardInterrupt):
        say(f"http://127.0.0.1:{server.server_port}/ serves {repository}; Ctrl-C ends it")
        server.serve_forever()


def _publisher(repository: Path, keys: Path, root_keys: Path | None = None, confirm: bool = False) -> "Publisher":
    from bitfit_toolkit.publish import KeyRing, Publisher

    return Publisher(repository, KeyRing(keys, root_keys, lambda: _passphrase(confirm)))


def _passphrase(confirm: bool) -> str:
    from bitfit_toolkit.publish.keys import PASSPHRASE_VARIABLE, passphrase_from_environment

    if PASSPHRASE_VARIABLE in os.environ or not sys.stdin.isatty():
        return passphrase_from_environment()
    answer: str = typer.prompt("Passphrase of the keys", hide_input=True, confirmation_prompt=confirm, err=True)
    return answer
