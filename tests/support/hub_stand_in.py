"""A stand-in of the hub's HTTP interface on loopback: not the hub, but what huggingface_hub asks of it.

It knows repositories with commits, branches and tags, private ones with a token, the classic LFS path, validation of
card metadata, and, on demand, a rate limit and torn downloads. It is strict where the hub is: no writing without a
token. What the hub does beyond that is not tested by it. `requests` lists all that was asked: method and path.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path

from support.hub_requests import Handler
from support.loopback import running

TOKEN = "hf_standin"
ROOT = Path(__file__).parents[2]


@dataclass
class Repository:
    """One repository: its commits, oldest first, each with all its files, and what names them."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, changed: dict[str, bytes]) -> str:
        parent = self.names.get(branch, "")
        files = {**self.commits.get(parent, {}), **changed}
        digest = hashlib.sha1(parent.encode())
        for name, data in sorted(files.items()):
            digest.update(name.encode() + hashlib.sha1(data).digest())
        self.commits[digest.hexdigest()] = files
        self.names[branch] = digest.hexdigest()
        return digest.hexdigest()

    def resolve(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.names.get(revision)


class HubStandIn(ThreadingHTTPServer):
    """The server. `limited` answers 429 to everything; `torn` files break off once, half sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.ranges: list[str] = []
        self.limited = False
        self.torn: set[str] = set()
        self.token = TOKEN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that left."""

    def environment(self, home: Path, token: str | None = TOKEN, offline: bool = False) -> dict[str, str]:
        """Return the environment of a process for which this is the hub; `home` is its cache."""
        ours = ("PATH", "PYTHONPATH", "SYSTEMROOT", "OMP_NUM_THREADS", "LANG")
        found = {name: os.environ[name] for name in ours if name in os.environ}
        packages = os.pathsep.join(str(ROOT / name) for name in ("runtime", "exporters", "toolkit"))
        found |= {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": str(int(offline)),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, (packages, found.get("PYTHONPATH")))),
            "TOKENIZERS_PARALLELISM": "false",
        }
        return found | ({} if token is None else {"HF_TOKEN": token})


@contextmanager
def hub_stand_in() -> Iterator[HubStandIn]:
    with running(HubStandIn()) as server:
        yield server


def run_python(code: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own: huggingface_hub reads its environment once, when it is imported."""
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )


def run_bitfit(arguments: list[str], environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return run_python(f"from bitfit_toolkit.cli.app import run; run({json.dumps(arguments)})", environment, cwd)
