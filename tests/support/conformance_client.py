"""The commands by which the conformance suite of The Update Framework drives a client, on the one that devices use.

In a checkout of github.com/theupdateframework/tuf-conformance, with `bitfit-edge[update]` installed:

    pytest tuf_conformance --entrypoint "python PATH/tests/support/conformance_client.py"

It exits with 0 when a command did all that it should, and with 1 otherwise.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from bitfit_runtime.errors import BitfitError, UpdateError
from bitfit_runtime.updates.client import Clock, TrustedClient, client_errors
from bitfit_runtime.updates.fetcher import Fetcher
from bitfit_runtime.updates.store import ROOT_HISTORY
from bitfit_runtime.updates.updater import utc_now


def main(arguments: Sequence[str] | None = None, clock: Clock = utc_now) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "init":
            shutil.copyfile(options.root, options.metadata_dir / "root.json")
        elif options.command == "refresh":
            _refresh(options, clock)
        else:
            _download(options, clock)
    except (BitfitError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _refresh(options: argparse.Namespace, clock: Clock) -> TrustedClient:
    folder: Path = options.metadata_dir
    root = folder / "root.json"
    client = TrustedClient(folder, options.metadata_url, root.read_bytes(), Fetcher(), clock())
    try:
        client.refresh()
    finally:
        shutil.copyfile(folder / ROOT_HISTORY / f"{client.root_version}.root.json", root)
    return client


def _download(options: argparse.Namespace, clock: Clock) -> None:
    client = _refresh(options, clock)
    with client_errors(options.metadata_dir):
        for name in options.target_names:
            target = client.get_targetinfo(name)
            if target is None:
                raise UpdateError(f"there is no target {name!r}")
            path = str(options.target_dir / quote(name, safe=""))
            if client.find_cached_target(target, path) is None:
                client.download_target(target, path, options.target_base_url)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--metadata-url")
    # The suite names several files in one command: with the last one alone, a case would pass without being tried.
    parser.add_argument("--target-name", dest="target_names", action="append", default=[])
    parser.add_argument("--target-dir", type=Path)
    parser.add_argument("--target-base-url")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("root", type=Path)
    commands.add_parser("refresh")
    commands.add_parser("download")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
