"""An application that keeps answering while its task is updated: publisher, web server and device in one process.

make demo && .venv/bin/python examples/updating.py

The task `filter` first is the demo's spam pack, then its sentiment pack. Then a pack is published that the
application's own health check refuses: the previous one keeps answering.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bitfit_runtime import Engine
from bitfit_runtime.updates import Updater, UpdateResult, Watcher
from bitfit_toolkit.publish import KeyRing, Publisher, open_server

TASK = "filter"
TEXT = "I was sceptical at first, but this kettle has made every morning better."
KNOWN_LABELS = {"spam", "ham", "positive", "negative"}


class Application:
    """Answers one text over and over, and counts what it answered and how long each answer took."""

    def __init__(self, engine: Engine) -> None:
        self.labels: Counter[str] = Counter()
        self.milliseconds: list[float] = []
        self._engine, self._stopping = engine, threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Application":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            began = time.perf_counter()
            self.labels[self._engine.predict(TEXT, TASK).label] += 1
            self.milliseconds.append(1e3 * (time.perf_counter() - began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, default=Path("demo-output"), help="what 'make demo' wrote")
    demo: Path = parser.parse_args().demo
    if not (demo / "base").is_dir():
        sys.exit(f"error: there is no base in {demo}; run 'make demo' first, or name its folder with --demo")
    with tempfile.TemporaryDirectory() as folder:
        run(demo, Path(folder))


def run(demo: Path, work: Path) -> None:
    workshop = Engine(demo / "base", threads=1)  # the publisher validates packs on an engine of its own
    keys = KeyRing(work / "keys", work / "root-keys", lambda: "only an example's passphrase")
    publisher = Publisher(work / "site", keys)
    publisher.initialize()

    def publish(pack: str) -> None:
        # The demo's packs are stand-ins for releases of one task; `force` lets its labels change.
        [release] = publisher.publish({TASK: demo / f"{pack}.safetensors"}, base=workshop, force=True)
        print(f"published   release {release.number}: the demo's {pack}, {release.size:,} bytes", flush=True)

    publish("spam")
    server = open_server(work / "site")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"

    engine = Engine(demo / "base", threads=1)
    updater = Updater(work / "store", url, keys.root_path, engine.base, [TASK])
    updater.run(engine)
    tried = threading.Event()

    def report(results: tuple[UpdateResult, ...], problem: Exception | None) -> None:
        for result in results:
            release = result.release.number if result.release else "–"
            print(f"device      release {release}: {result.error or 'active'}", flush=True)
            tried.set()
        if problem is not None:
            print(f"device      {problem}", flush=True)

    with Application(engine) as application, Watcher(updater, engine, every=0.5, health=healthy, report=report):
        for pack in ("sentiment", "duplicates"):
            time.sleep(2)
            tried.clear()
            publish(pack)
            tried.wait(30)
        time.sleep(2)
    server.shutdown()
    [task] = updater.status().tasks
    took = application.milliseconds
    print(f"answers     {dict(application.labels)}")
    print(f"took        {statistics.median(took):.1f} ms in the median, {max(took):.1f} at most")
    print(f"device      active: release {task.active}; previous: {task.previous}; rejected: {task.rejected}")


def healthy(candidate: Engine) -> bool:
    """Say whether a new pack answers as this application needs it to."""
    return candidate.predict(TEXT, TASK).label in KNOWN_LABELS


if __name__ == "__main__":
    main()
