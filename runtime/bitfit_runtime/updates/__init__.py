"""Signed task updates: fetch, validate and activate packs while an engine keeps answering. Needs the extra `update`.

    from bitfit_runtime.updates import Updater, Watcher

    updater = Updater("store", "https://cdn.example/app/", "root.json", engine.base, ["mood", "intents"])
    updater.install(engine)
    with Watcher(updater, engine, every=3600):
        ...

Names are imported when they are first used.
"""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_runtime.updates.fetcher import NetworkOptions
    from bitfit_runtime.updates.results import Status, TaskStatus, UpdateCheck, UpdateResult
    from bitfit_runtime.updates.updater import Updater
    from bitfit_runtime.updates.watcher import Watcher

__all__ = ["NetworkOptions", "Status", "TaskStatus", "UpdateCheck", "UpdateResult", "Updater", "Watcher"]

_MODULES = {
    "NetworkOptions": "bitfit_runtime.updates.fetcher",
    "Updater": "bitfit_runtime.updates.updater",
    "Watcher": "bitfit_runtime.updates.watcher",
    **dict.fromkeys(("Status", "TaskStatus", "UpdateCheck", "UpdateResult"), "bitfit_runtime.updates.results"),
}
__getattr__, __dir__ = lazy_exports(__name__, _MODULES, extra="update")
