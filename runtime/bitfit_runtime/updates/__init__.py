"""Signed task updates: fetch, prove and activate packs while an engine keeps answering. Needs the extra `update`.

from bitfit_runtime.updates import Updater, Watcher

updates = Updater("store", "https://cdn.example/app/", "root.json", engine.base, ["mood", "intents"])
updates.install(engine)
with Watcher(updates, engine, every=3600):
    ...
"""

try:
    from bitfit_runtime.updates.fetcher import NetworkOptions
    from bitfit_runtime.updates.results import Status, TaskStatus, UpdateCheck, UpdateResult
    from bitfit_runtime.updates.updater import Updater
    from bitfit_runtime.updates.watcher import Watcher
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"bitfit_runtime.updates needs {error.name}; run: pip install 'bitfit-edge[update]'", name=error.name
    ) from None

__all__ = ["NetworkOptions", "Status", "TaskStatus", "UpdateCheck", "UpdateResult", "Updater", "Watcher"]
