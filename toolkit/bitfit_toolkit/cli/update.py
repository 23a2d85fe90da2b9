"""`bitfit update`: the tasks of a device, kept up to date from a published folder."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from bitfit_runtime import Engine
from bitfit_runtime.errors import BitfitError, ExpiredError, InputError, UpdateError
from bitfit_toolkit.cli.output import print_json, print_pairs, print_table, say

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
Url = Annotated[str, typer.Option(help="URL of the published folder.", envvar="BITFIT_URL")]
Root = Annotated[Path, typer.Option(help="The publisher's first root.json, copied by hand.", envvar="BITFIT_ROOT")]
BaseFolder = Annotated[Path, typer.Option(help="Folder of the base.", envvar="BITFIT_BASE")]
Tasks = Annotated[list[str], typer.Option("--task", help="A task; may be repeated.", envvar="BITFIT_TASKS")]
Threads = Annotated[int | None, typer.Option(help="Threads inside one operator.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NOT_UPDATED = "were not updated"
OPTIONS = "--store store --url https://cdn.example/app --root root.json --base base --task mood"


@app.command(epilog=f"Example: `bitfit update check {OPTIONS} --task intents`")
def check(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """List available updates. Only signed metadata are fetched."""
    found = _open(store, url, root, base, task).check()
    if json:
        print_json(found.as_dict())
    else:
        _print_releases(found.releases)
        for state, tasks in (("withdrawn", found.withdrawn), ("not published", found.unpublished)):
            if tasks:
                print_pairs([(state, ", ".join(tasks))])
    _fail_for(found.problems, task, "cannot be updated")


@app.command(epilog=f"Example: `bitfit update fetch {OPTIONS}`")
def fetch(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """Check, and download what is new. What is active stays active."""
    updater = _open(store, url, root, base, task)
    found = updater.check()
    releases = {release.task: release for release in found.releases}
    problems = dict(found.problems) | _each(releases, lambda name: updater.fetch(releases[name]))
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
    """Validate what was fetched and make it active. A running application follows when it next checks or starts."""
    updater = _open(store, url, root, base, task)
    before = updater.status()
    staged = [one.task for one in before.tasks if one.staged is not None]
    engine = Engine(base, threads=threads) if staged else None
    problems = _each(staged, lambda name: updater.activate(name, engine)) if engine else {}
    _print_status(updater.status(), json)
    _fail_for(_unreadable(before) | problems, task, NOT_UPDATED)


@app.command("run", hidden=True)
@app.command(epilog=f"Example: `bitfit update apply {OPTIONS}`, from cron or a timer")
def apply(
    store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, threads: Threads = None, json: Json = False
) -> None:
    """Check, fetch and activate in one step."""
    updater = _open(store, url, root, base, task)
    results = updater.run(Engine(base, threads=threads))
    _print_status(updater.status(), json)
    _fail_for({result.task: result.error for result in results if result.error is not None}, task, NOT_UPDATED)


@app.command(epilog=f"Example: `bitfit update rollback {OPTIONS}`")
def rollback(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """Let the previous release answer again. The one that was active is not accepted any more."""
    updater = _open(store, url, root, base, task)
    problems = _each(task, updater.roll_back)
    _print_status(updater.status(), json)
    _fail_for(problems, task, "were not rolled back")


@app.command(epilog=f"Example: `bitfit update status {OPTIONS} --json`")
def status(store: Store, url: Url, root: Root, base: BaseFolder, task: Tasks, json: Json = False) -> None:
    """Show what is active, what is staged, and whether the signed metadata have expired. Needs no network."""
    found = _open(store, url, root, base, task).status()
    _print_status(found, json)
    _fail_for(_unreadable(found), task, "cannot be read")
    if found.expired and found.expires is not None:
        raise ExpiredError(
            f"the signed metadata expired at {found.expires.isoformat()}: no update is accepted until they are signed "
            "again; if they were, check for updates, or set this device's clock"
        )


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
    """Apply updates again and again, until Ctrl-C. Prints a line for each release, refused task and error."""
    from bitfit_runtime.updates import Watcher

    def report(results: "tuple[UpdateResult, ...]", error: Exception | None) -> None:
        for result in results:
            _print_result(result, json)
        if error is not None:
            say(f"error: {' '.join(str(error).split())}", err=True)

    updater = _open(store, url, root, base, task)
    with suppress(KeyboardInterrupt), Watcher(updater, Engine(base, threads=threads), every, report=report):
        Event().wait()


def _open(store: Path, url: str, root: Path, base: Path, tasks: Sequence[str]) -> "Updater":
    from bitfit_runtime.updates import Updater

    return Updater(store, url, root, base, tasks)


def _each(tasks: Iterable[str], do: Callable[[str], None]) -> dict[str, Exception]:
    """Do it for every task, whatever happens to the others, and return what went wrong."""
    problems: dict[str, Exception] = {}
    for task in tasks:
        try:
            do(task)
        except InputError:
            raise
        except (BitfitError, OSError, MemoryError) as error:  # anything else is a defect, and reported as one
            problems[task] = error
    return problems


def _print_releases(releases: "Sequence[Release]") -> None:
    rows = [(release.task, str(release.number), f"{release.size:,}") for release in releases]
    print_table(("task", "release", "bytes"), rows or [("nothing new", "", "")])


def _print_result(result: "UpdateResult", json: bool) -> None:
    number = None if result.release is None else result.release.number
    error = None if result.error is None else str(result.error)
    if json:
        print_json({"task": result.task, "release": number, "active": result.active, "error": error})
        return
    name = result.task if number is None else f"{result.task} {number}"
    say(f"{name}: {'active' if result.active else error}")


def _print_status(found: "Status", json: bool) -> None:
    if json:
        print_json(found.as_dict())
        return
    until = "never fetched" if found.expires is None else found.expires.isoformat()
    print_pairs([("signed until", f"{until}, expired: no update is accepted" if found.expired else until)])
    columns = ("active", "previous", "staged", "rejected", "version_floor")
    rows = [(one.task, *(str(getattr(one, name) or "–") for name in columns)) for one in found.tasks]
    print_table(("task", *(name.replace("_", " ") for name in columns)), rows)


def _unreadable(status: "Status") -> dict[str, Exception]:
    return {one.task: one.problem for one in status.tasks if one.problem is not None}


def _fail_for(problems: Mapping[str, Exception], tasks: Sequence[str], what: str) -> None:
    if problems:
        reasons = "; ".join(f"{task}: {_reason(error)}" for task, error in problems.items())
        raise UpdateError(f"{len(problems)} of {len(tasks)} tasks {what} ({reasons})")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, BitfitError) else f"{type(error).__name__}: {error}"
