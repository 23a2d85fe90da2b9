"""`bitfit update`: a device's tasks, kept up to date from a published folder."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from bitfit_runtime import Base, Engine
from bitfit_runtime.errors import BitfitError, PackError, UpdateError
from bitfit_toolkit.cli.output import print_json, print_pairs, print_table

if TYPE_CHECKING:  # it needs the extra `update`
    from bitfit_runtime.updates import Status, Updater, UpdateResult
    from bitfit_runtime.updates.schema import Release

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Keep a device's tasks up to date from a published folder.",
    epilog="All options can be set once: `BITFIT_STORE`, `BITFIT_URL`, `BITFIT_ROOT`, `BITFIT_BASE`, `BITFIT_TASKS`.",
)

Store = Annotated[Path, typer.Option(help="The device's folder.", envvar="BITFIT_STORE")]
Url = Annotated[str, typer.Option(help="Where the folder is published.", envvar="BITFIT_URL")]
Root = Annotated[Path, typer.Option(help="The first root metadata, from the publisher by hand.", envvar="BITFIT_ROOT")]
BaseFolder = Annotated[Path, typer.Option(help="Folder of the base bundle.", envvar="BITFIT_BASE")]
Tasks = Annotated[list[str], typer.Option("--task", help="A task; may be given several times.", envvar="BITFIT_TASKS")]
Threads = Annotated[int | None, typer.Option(help="Threads inside one operator.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NOT_UPDATED = "were not updated"
OPTIONS = "--store store --url https://cdn.example/app --root root.json --base base --task mood"


@app.command(epilog=f"Example: `bitfit update check {OPTIONS} --task intents`")
def check(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """Say which updates there are. Nothing but signed metadata is fetched."""
    found = _open(store, url, root, base, task).check()
    if json:
        print_json(found.as_dict())
    else:
        _print_releases(found.releases)
        for state, tasks in (("taken back", found.withdrawn), ("not published", found.missing)):
            if tasks:
                print_pairs([(state, ", ".join(tasks))])
    _fail_for(found.refused, task, "were refused")


@app.command(epilog=f"Example: `bitfit update fetch {OPTIONS}`")
def fetch(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """Check, and download what is new. What is active stays so."""
    updates = _open(store, url, root, base, task)
    found = updates.check()
    releases = {release.task: release for release in found.releases}
    problems = dict(found.refused) | _each(releases, lambda name: updates.fetch(releases[name]))
    fetched = [release for release in releases.values() if release.task not in problems]
    if json:
        print_json({"fetched": [asdict(release) for release in fetched]})
    else:
        _print_releases(fetched)
    _fail_for(problems, task, "were not fetched")


@app.command(epilog=f"Example: `bitfit update activate {OPTIONS}`")
def activate(
    store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, threads: Threads = None, json: Json = False
) -> None:
    """Prove what was fetched and make it active. A running application takes it up when it next checks or starts."""
    updates = _open(store, url, root, base, task)
    before = updates.status()
    waiting = [one.task for one in before.tasks if one.staged is not None]
    engine = Engine(base, threads=threads) if waiting else None
    problems = _each(waiting, lambda name: updates.activate(name, engine)) if engine else {}
    _print_status(updates.status(), json)
    _fail_for(_unreadable(before) | problems, task, NOT_UPDATED)


@app.command(epilog=f"Example: `bitfit update run {OPTIONS}`, from cron or a timer")
def run(
    store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, threads: Threads = None, json: Json = False
) -> None:
    """Check, fetch and activate in one step."""
    updates = _open(store, url, root, base, task)
    outcomes = updates.run(Engine(base, threads=threads))
    _print_status(updates.status(), json)
    _fail_for({one.task: one.error for one in outcomes if one.error is not None}, task, NOT_UPDATED)


@app.command(epilog=f"Example: `bitfit update rollback {OPTIONS}`")
def rollback(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """Let the release before the active one answer again. The one that was active is not taken any more."""
    updates = _open(store, url, root, base, task)
    problems = _each(task, updates.rollback)
    _print_status(updates.status(), json)
    _fail_for(problems, task, "were not gone back from")


@app.command(epilog=f"Example: `bitfit update status {OPTIONS} --json`")
def status(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """Show what is active, what waits, and whether the signed metadata have expired. Asks no server."""
    found = _open(store, url, root, base, task).status()
    _print_status(found, json)
    _fail_for(_unreadable(found), task, "cannot be read")


@app.command(epilog=f"Example: `bitfit update watch {OPTIONS} --every 3600`")
def watch(
    store: Store,
    url: Url,
    root: Root,
    base: BaseFolder,
    task: Tasks,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two rounds.")] = 3600,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Run again and again, until Ctrl-C. Prints a line for each release, refused task and error."""
    from bitfit_runtime.updates import Watcher

    def report(outcomes: "tuple[UpdateResult, ...]", error: Exception | None) -> None:
        for outcome in outcomes:
            _print_outcome(outcome, json)
        if error is not None:
            sys.stderr.write(f"error: {' '.join(str(error).split())}\n")

    updates = _open(store, url, root, base, task)
    with suppress(KeyboardInterrupt), Watcher(updates, Engine(base, threads=threads), every, report=report):
        Event().wait()


def _open(store: Path, url: str, root: Path, base: Path, tasks: Sequence[str]) -> "Updater":
    from bitfit_runtime.updates import Updater

    return Updater(store, url, root, Base.open(base), tasks)


def _each(tasks: Iterable[str], do: Callable[[str], None]) -> dict[str, BitfitError]:
    """Do it for every task, whatever becomes of the others, and return what went wrong."""
    problems: dict[str, BitfitError] = {}
    for task in tasks:
        try:
            do(task)
        except (UpdateError, PackError) as error:
            problems[task] = error
    return problems


def _print_releases(releases: "Sequence[Release]") -> None:
    rows = [(release.task, str(release.number), f"{release.size:,}") for release in releases]
    print_table(("task", "release", "bytes"), rows or [("nothing new", "", "")])


def _print_outcome(outcome: "UpdateResult", json: bool) -> None:
    number = None if outcome.release is None else outcome.release.number
    error = None if outcome.error is None else str(outcome.error)
    if json:
        print_json({"task": outcome.task, "release": number, "active": outcome.active, "error": error})
        return
    name = outcome.task if number is None else f"{outcome.task} {number}"
    typer.echo(f"{name}: {'active' if outcome.active else error}")


def _print_status(found: "Status", json: bool) -> None:
    if json:
        print_json(found.as_dict())
        return
    until = "never fetched" if found.expires is None else found.expires.isoformat()
    print_pairs([("signed until", f"{until}, expired: no update is taken" if found.expired else until)])
    columns = ("active", "previous", "staged", "rejected", "floor")
    rows = [(one.task, *(str(getattr(one, name) or "–") for name in columns)) for one in found.tasks]
    print_table(("task", *columns), rows)


def _unreadable(status: "Status") -> dict[str, BitfitError]:
    return {one.task: one.problem for one in status.tasks if one.problem is not None}


def _fail_for(problems: Mapping[str, BitfitError], tasks: Sequence[str], what: str) -> None:
    if problems:
        reasons = "; ".join(f"{task}: {error}" for task, error in problems.items())
        raise UpdateError(f"{len(problems)} of {len(tasks)} tasks {what} ({reasons})")
