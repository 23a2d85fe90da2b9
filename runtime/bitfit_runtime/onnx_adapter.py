"""ONNX Runtime's own adapter files, for programs that use no code of ours."""

from pathlib import Path
from tempfile import TemporaryDirectory

import onnxruntime as ort

from bitfit_runtime.arguments import as_path
from bitfit_runtime.errors import PackError
from bitfit_runtime.files import destination, write_output
from bitfit_runtime.formats import Base, Pack
from bitfit_runtime.pack_cache import DecodedPack

ADAPTER_VERSION = 1
MODEL_VERSION = 1


def write_onnx_adapter(pack: Pack, base: Base, path: str | Path) -> Path:
    """Write a pack of `base` as an `.onnx_adapter` file (`onnxruntime.LoraAdapter`, `RunOptions.add_active_adapter`).

    Its parameters are the graph's inputs, in the graph's shapes with rows = 1. Raises PackError.
    """
    path = as_path(path, "path")
    decoded = DecodedPack.from_pack(pack, base)
    adapter = ort.AdapterFormat()
    adapter.set_adapter_version(ADAPTER_VERSION)
    adapter.set_model_version(MODEL_VERSION)
    feeds = {**decoded.biases, **decoded.head}
    adapter.set_parameters({name: ort.OrtValue.ortvalue_from_numpy(feed) for name, feed in feeds.items()})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        destination(path)  # which refuses what cannot be replaced
        with TemporaryDirectory(dir=path.parent) as folder:  # ONNX Runtime writes to a path alone
            adapter.export_adapter(str(Path(folder, "adapter")))
            write_output(path, Path(folder, "adapter").read_bytes())
    except (OSError, RuntimeError) as error:
        raise PackError(f"cannot write {path} ({error}); what was there is unchanged") from None
    return path
