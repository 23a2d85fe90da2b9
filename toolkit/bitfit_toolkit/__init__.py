"""Train and evaluate packs on a base, and the `bitfit` command.

    from bitfit_toolkit import TrainOptions, load_examples, train

    train("base", load_examples("train.csv"), load_examples("eval.csv"), "task.safetensors", TrainOptions())

Training needs the extra `train`; everything else here works without torch.
"""

from typing import TYPE_CHECKING, Any

from bitfit_toolkit.errors import ToolkitError
from bitfit_toolkit.examples import Columns, Example, load_examples
from bitfit_toolkit.options import TrainOptions

if TYPE_CHECKING:
    from bitfit_toolkit.evaluation import evaluate
    from bitfit_toolkit.many import read_assignments, train_many
    from bitfit_toolkit.training import TrainReport, train

__all__ = [
    "Columns",
    "Example",
    "ToolkitError",
    "TrainOptions",
    "TrainReport",
    "evaluate",
    "load_examples",
    "read_assignments",
    "train",
    "train_many",
]

_LAZY = {
    "TrainReport": "training",
    "evaluate": "evaluation",
    "read_assignments": "many",
    "train": "training",
    "train_many": "many",
}


def __getattr__(name: str) -> Any:
    """Import what needs an extra only when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(name)
    from importlib import import_module

    from bitfit_toolkit.errors import MissingExtraError

    try:
        return getattr(import_module(f"bitfit_toolkit.{_LAZY[name]}"), name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{name} needs {error.name}; run: pip install 'bitfit-edge[train]'") from None
