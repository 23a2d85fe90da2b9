"""Preparation of every graph that is measured, once: each lies in a folder named after what it was made from."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bitfit_runtime import Base
from harness.models import checkpoint, export_model, sources_digest
from harness.options import ROOT
from speed.peers.floor import write_floor
from speed.peers.lora import LAYERS, random_adapter, write_adapter, write_lora_graph

PEERS = Path(__file__).with_name("peers")
PEERS_PYTHON = ROOT / ".venv-peers/bin/python"


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
        """The transformers configuration of the checkpoint."""
        return self.checkpoint / "config.json"

    def adapters(self, layers: str, tasks: int) -> list[Path]:
        """Return files of random adapters for the graph `lora[layers]`, written where they are missing."""
        graph = self.lora[layers]
        paths = [graph.with_name(f"{graph.stem}-{seed}.onnx_adapter") for seed in range(tasks)]
        for seed, path in enumerate(paths):
            if not path.exists():
                write_adapter(random_adapter(self.base, LAYERS[layers], seed), path)
        return paths


def prepare(model: str, work: Path, peers_python: Path) -> Prepared:
    """Return a model's graphs, making those that are not in `work` yet (minutes for BERT-base's shape)."""
    work.mkdir(parents=True, exist_ok=True)
    source, base = checkpoint(model, work), export_model(model, work)
    lora = _lora_graphs(base, work / f"{model}-lora-{base.manifest.digest.removeprefix('sha256:')[:12]}")
    floor = work / f"{model}-floor-{sources_digest(PEERS / 'floor.py')}.onnx"
    if not floor.exists():
        write_floor(source / "config.json", floor)
    return Prepared(model, source, base, optimum_graphs(model, source, work, peers_python), lora, floor)


def _lora_graphs(base: Base, folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    graphs = {name: folder / f"{name.replace(' ', '-')}.onnx" for name in LAYERS}
    for name, path in graphs.items():
        if not path.exists():
            write_lora_graph(base, LAYERS[name], path)
    return graphs


def optimum_graphs(model: str, source: Path, work: Path, python: Path) -> dict[str, Path]:
    """Have optimum make its models in the peers' environment. Exits where that is missing."""
    script = PEERS / "optimum_models.py"
    folder = work / f"{model}-optimum-{sources_digest(script, PEERS / 'requirements.txt')}"
    if not folder.exists():
        if not python.exists():
            raise SystemExit(f"the peers' environment is missing at {python}: run 'make .venv-peers/.ready'")
        print(f"preparing optimum's models of {model}", flush=True)
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run([python, script, source, partial], check=True)
        partial.rename(folder)
    return {path.stem: path for path in sorted(folder.glob("*.onnx"))}
