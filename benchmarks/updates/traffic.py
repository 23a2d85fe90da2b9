"""Traffic of a device: the bytes of response bodies that it receives."""

from bitfit_runtime import Base
from bitfit_runtime.updates import Updater
from bitfit_toolkit.publish import Candidate
from updates.repository import serve_repository

METRICS = {"accuracy": 0.8125, "f1_macro": 0.7981, "matthews": 0.6123}
EVALUATION_ROWS = 77


def traffic(base: Base, tasks: int) -> dict[str, int]:
    """Measure what a device with one task of `tasks` receives: at first, when nothing is new, and when its task is.

    The task is one of the fullest bin, which costs most.
    """
    digest = base.manifest.digest
    names = [f"some-task-{number:04}" for number in range(tasks)]
    with serve_repository() as repository:
        publisher = repository.publisher
        publisher.add([candidate(digest, name, "first") for name in names])
        fullest = max(publisher.state().targets.values(), key=lambda role: len(role.targets))
        task = next(iter(fullest.targets)).rpartition("/")[2].removesuffix(".safetensors")
        updater = repository.device(base, task)
        first, idle = received(updater), received(updater)
        publisher.add([candidate(digest, task, "second")])
        return {"first check": first, "idle check": idle, "one changed task": received(updater)}


def received(updater: Updater) -> int:
    """Return the bytes that one check receives."""
    before = updater.fetcher.received
    updater.check()
    return updater.fetcher.received - before


def candidate(base: str, task: str, content: str) -> Candidate:
    """Return a release of a task that has the size of its name and content."""
    return Candidate(base, task, EVALUATION_ROWS, METRICS, f"{task} {content}".encode())
