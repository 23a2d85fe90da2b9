"""Makes every graph that is measured, once: each lies in a folder named after what it was made from."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bitfit_exporters import ExportOptions, export
from bitfit_runtime import Base
from harness.machine import versions
from harness.models import checkpoint
from speed.peers.floor import write_floor
from speed.peers.lora import LAYERS, write_lora_graph

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The files of one model. `optimum` and `lora` map the name of an arm to its graph."""

    name: str
    checkpoint: Path
    base: Base
    optimum: dict[str, Path]
    lora: dict[str, Path]
    floor: Path

    @property
    def config(self) -> Path:
        return self.checkpoint / "config.json"


def prepare(model: str, work: Path, peers_python: Path) -> Prepared:
    """Return a model's graphs, making those that are not in `work` yet (minutes for BERT-base's shape)."""
    source = checkpoint(model, work)
    base = Base.open(export_once(model, source, work))
    digest = base.manifest.digest.removeprefix("sha256:")[:12]
    lora = {}
    for name, layers in LAYERS.items():
        lora[name] = work / f"{model}-lora-{digest}" / f"{name.replace(' ', '-')}.onnx"
        if not lora[name].exists():
            lora[name].parent.mkdir(exist_ok=True)
            write_lora_graph(base, layers, lora[name])
    floor = work / f"{model}-floor-{_digest(Path(__file__).with_name('peers') / 'floor.py')}.onnx"
    if not floor.exists():
        write_floor(source / "config.json", floor)
    return Prepared(model, source, base, _optimum(model, source, work, peers_python), lora, floor)


def export_once(model: str, source: Path, work: Path) -> Path:
    """The base as this tree's exporter makes it: other sources of the exporter make another folder."""
    folder = work / f"{model}-base-{_digest(ROOT / 'exporters', ROOT / 'runtime/bitfit_runtime')}"
    if not folder.exists():
        print(f"exporting {model}", flush=True)
        export(str(source), folder, ExportOptions(offline=True, name=model))
    return folder


def _optimum(model: str, source: Path, work: Path, python: Path) -> dict[str, Path]:
    script = Path(__file__).with_name("peers") / "optimum_models.py"
    folder = work / f"{model}-optimum-{_digest(script, script.with_name('requirements.txt'))}"
    if not folder.exists():
        if not python.exists():
            raise SystemExit(f"the peers' environment is missing at {python}: run 'make .venv-peers/.ready'")
        print(f"preparing optimum's models of {model}", flush=True)
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run([python, script, source, partial], check=True)
        partial.rename(folder)
    return {path.stem: path for path in sorted(folder.glob("*.onnx"))}


def _digest(*places: Path) -> str:
    """Of the source files in or at `places`, and of our versions."""
    found = hashlib.sha256(repr(versions()).encode())
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(path.read_bytes())
    return found.hexdigest()[:12]
