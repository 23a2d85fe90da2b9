"""Train and evaluate packs on a base, and the `bitfit` command.

    from bitfit_toolkit import TrainOptions, train

    report = train("base", "train.csv", "eval.csv", "mood.safetensors", TrainOptions(task="mood"))

Training needs the extra `train`; everything else here works without torch.
"""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_toolkit.data import Columns, load_examples
    from bitfit_toolkit.errors import ToolkitError
    from bitfit_toolkit.tasks import Example
    from bitfit_toolkit.training.evaluation import evaluate
    from bitfit_toolkit.training.options import TrainOptions
    from bitfit_toolkit.training.shared import read_run_configs, train_shared
    from bitfit_toolkit.training.train import TrainReport, train

__all__ = [
    "Columns",
    "Example",
    "ToolkitError",
    "TrainOptions",
    "TrainReport",
    "evaluate",
    "load_examples",
    "read_run_configs",
    "train",
    "train_shared",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Columns": "bitfit_toolkit.data",
        "Example": "bitfit_toolkit.tasks",
        "ToolkitError": "bitfit_toolkit.errors",
        "TrainOptions": "bitfit_toolkit.training.options",
        "TrainReport": "bitfit_toolkit.training.train",
        "evaluate": "bitfit_toolkit.training.evaluation",
        "load_examples": "bitfit_toolkit.data",
        "read_run_configs": "bitfit_toolkit.training.shared",
        "train": "bitfit_toolkit.training.train",
        "train_shared": "bitfit_toolkit.training.shared",
    },
    extra="train",
)
