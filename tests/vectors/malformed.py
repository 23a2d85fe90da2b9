"""Vectors of what is refused: packs, manifests, and packs with a wrong canary."""

import base64
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bitfit_runtime import BitfitError, Engine
from bitfit_runtime.canary import check_canary
from bitfit_runtime.formats import parse_pack
from vectors.malformed_manifests import malformed_manifests
from vectors.malformed_packs import malformed_packs
from vectors.packs import BASE

CANARIES: Final = ("canary-other", "canary-shorter")


def malformed_cases() -> dict[str, Any]:
    """Return them, with the class of the error that Python raises."""
    packs = [
        {"of": "pack", "name": item.name, "why": item.why}
        | {"data": base64.b64encode(item.data).decode()}
        | ({"zeros": item.zeros} if item.zeros else {})
        for item in malformed_packs()
    ]
    manifests = [{"of": "manifest", **item._asdict()} for item in malformed_manifests()]
    canaries = [case | {"of": "canary"} for case in packs if case["name"] in CANARIES]
    packs = [case for case in packs if case["name"] not in CANARIES]
    refusal = Refusal()
    cases = (*packs, *canaries, *manifests)
    return {"cases": [case | {"error": type(refusal.of(case)).__name__} for case in cases]}


class Refusal:
    """The base of the vectors, which refuses packs, and is refused with another manifest."""

    def __init__(self) -> None:
        self._engine = Engine(BASE, threads=1)

    def of(self, case: dict[str, Any]) -> BitfitError:
        """Return the error that a case is refused with."""
        try:
            if case["of"] == "pack":
                self._engine.install("task", parse_pack(pack_bytes(case)))
            elif case["of"] == "canary":
                check_canary(self._engine, parse_pack(pack_bytes(case)))
            else:
                self._open(case["text"])
        except BitfitError as error:
            return error
        raise AssertionError(f"{case['name']} is not refused: {case['why']}")

    def _open(self, manifest: str) -> None:
        with TemporaryDirectory() as folder:
            base = Path(shutil.copytree(BASE, Path(folder, "base")))
            (base / "bitfit.json").write_text(manifest, encoding="utf-8")
            Engine(base, threads=1)


def pack_bytes(case: dict[str, Any]) -> bytes:
    """Return the bytes of a malformed pack."""
    return base64.b64decode(case["data"]) + bytes(case.get("zeros", 0))
