"""Signed task updates: fetch, prove and activate packs while an engine keeps answering. Needs the extra `update`.

from bitfit_runtime.updates import Updates, Watcher

updates = Updates("store", "https://cdn.example/app/", "root.json", engine.base, ["mood", "intents"])
updates.install(engine)
with Watcher(updates, engine, every=3600):
    ...
"""

try:
    from bitfit_runtime.updates.fetcher import NetworkOptions
    from bitfit_runtime.updates.status import Found, Outcome, Status, TaskStatus
    from bitfit_runtime.updates.updates import Updates
    from bitfit_runtime.updates.watcher import Watcher
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"bitfit_runtime.updates needs {error.name}; run: pip install 'bitfit-edge[update]'", name=error.name
    ) from None

__all__ = ["Found", "NetworkOptions", "Outcome", "Status", "TaskStatus", "Updates", "Watcher"]
