"""What an update costs a device: bytes moved, time from the download to the first answer, delay of other requests.

python -m updates.run --base BASE [--output FILE]
"""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bitfit_runtime import Base, Engine, Pack, PackInfo
from bitfit_runtime.canary import make_canary
from bitfit_runtime.formats.pack_encoding import encode
from bitfit_runtime.formats.pack_file import serialize
from bitfit_runtime.updates import Updater
from bitfit_toolkit.publish import Candidate, KeyRing, Publisher, open_server
from harness.machine import cores, processor, versions
from harness.packs import random_values

TEXT = "please play the second song of that album again, but not so loud"
ROUNDS = 40
LABELS = ("no", "yes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder of a base bundle, say MiniLM's")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    engine = Engine(options.base, threads=1)
    found: dict[str, Any] = {"processor": processor(), "cores": cores(), "versions": versions()}
    found["base"] = engine.base.manifest.name
    with TemporaryDirectory() as folder:
        found |= activation(engine, Path(folder))
    found |= flips(engine)
    for tasks in (10, 1_000):
        with TemporaryDirectory() as folder:
            found[f"{tasks} tasks, bytes"] = traffic(engine.base, Path(folder), tasks)
    print(json.dumps(found, indent=1))
    if options.output is not None:
        options.output.write_text(json.dumps(found, indent=1) + "\n")


def random_pack(engine: Engine, seed: int, task: str) -> Pack:
    base = engine.base
    terms = tuple(dict.fromkeys(spec.term for spec in base.manifest.biases))
    manifest, longest = base.manifest, base.manifest.max_length
    info = PackInfo(
        manifest.digest, manifest.name, task, "classification", LABELS, manifest.pooling, longest, terms, "int4"
    )
    return make_canary(engine, Pack(info, encode(random_values(base, seed), base.default_biases, manifest, "int4")))


def activation(engine: Engine, folder: Path) -> dict[str, Any]:
    """Milliseconds from a pack that was downloaded to its first answer: digest, canary, pointer, flip."""
    publisher = new_publisher(folder)
    times, size = [], 0
    with serving(folder) as url:
        updater = device(folder, url, engine.base, ["mood"])
        for seed in range(ROUNDS):
            pack = random_pack(engine, seed, "mood")
            size = len(serialize(pack))
            publisher.add([Candidate(pack.info.base, "mood", 2, {"accuracy": 0.5}, serialize(pack))])
            [release] = updater.check().releases
            updater.fetch(release)
            began = time.perf_counter()
            updater.activate("mood", engine)
            times.append(time.perf_counter() - began)
    return {"verify, canary, activate, ms": spread(times), "pack, bytes": size}


def flips(engine: Engine) -> dict[str, Any]:
    """Milliseconds of requests while another thread replaces their pack, and while it does nothing, in turns."""
    packs = [random_pack(engine, seed, "mood") for seed in (1, 2)]
    engine.install("mood", packs[0])
    quiet, flipped, installs = [], [], []

    def flip(pack: Pack) -> None:
        began = time.perf_counter()
        engine.install("mood", pack)
        installs.append(time.perf_counter() - began)

    for turn in range(20 * ROUNDS):
        quiet.append(request_beside(engine, lambda: None))
        flipped.append(request_beside(engine, partial(flip, packs[turn % 2])))
    delays = [other - one for one, other in zip(quiet, flipped, strict=True)]
    return {
        "request alone, ms": spread(quiet),
        "request during a flip, ms": spread(flipped),
        "delay by a flip, median, ms": round(1000 * statistics.median(delays), 3),
        "flip, ms": spread(installs),
    }


def request_beside(engine: Engine, work: Callable[[], None]) -> float:
    """Seconds of one request that begins when another thread begins its work."""
    together = threading.Barrier(2)

    def other() -> None:
        together.wait()
        work()

    thread = threading.Thread(target=other)
    thread.start()
    together.wait()
    began = time.perf_counter()
    engine.predict(TEXT, "mood")
    seconds = time.perf_counter() - began
    thread.join()
    return seconds


def traffic(base: Base, folder: Path, tasks: int) -> dict[str, int]:
    """Bytes of bodies that a device with one task of `tasks` receives: when nothing is new, and when its task is."""
    publisher = new_publisher(folder)
    digest = base.manifest.digest
    names = [f"some-task-{number:04}" for number in range(tasks)]
    publisher.add([candidate(digest, name, "first") for name in names])
    fullest = max(publisher.state().targets.values(), key=lambda role: len(role.targets))
    task = next(iter(fullest.targets)).rpartition("/")[2].removesuffix(".safetensors")
    with serving(folder) as url:
        updater = device(folder, url, base, [task])
        first = counted(updater)
        idle = counted(updater)
        publisher.add([candidate(digest, task, "second")])
        return {"first check": first, "idle check": idle, "one changed task": counted(updater)}


def counted(updater: Updater) -> int:
    before = updater.fetcher.received
    updater.check()
    return updater.fetcher.received - before


def candidate(base: str, task: str, content: str) -> Candidate:
    metrics = {"accuracy": 0.8125, "f1_macro": 0.7981, "matthews": 0.6123}
    return Candidate(base, task, 77, metrics, f"{task} {content}".encode())


def new_publisher(folder: Path) -> Publisher:
    keys = KeyRing(folder / "keys", folder / "root-keys", lambda: "the passphrase of a benchmark")
    publisher = Publisher(folder / "site", keys)
    publisher.initialize()
    return publisher


def device(folder: Path, url: str, base: Base, tasks: list[str]) -> Updater:
    return Updater(folder / "store", url, folder / "site" / "metadata" / "1.root.json", base, tasks)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    with open_server(folder / "site") as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def spread(seconds: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(1000 * value for value in seconds)
    quantile = {name: ordered[int(share * (len(ordered) - 1))] for name, share in (("median", 0.5), ("p95", 0.95))}
    return {name: round(value, 3) for name, value in (quantile | {"max": ordered[-1]}).items()}


if __name__ == "__main__":
    main()
