"""What runs that share their passes need to have in common."""

from bitfit_toolkit.errors import TrainingError
from bitfit_toolkit.training.option_spec import Sharing, option_specs
from bitfit_toolkit.training.options import TrainOptions


def check_sharing(options: TrainOptions, first: TrainOptions) -> None:
    """Raise TrainingError where a run cannot be carried out, or cannot share its passes with one of options `first`."""
    options.check()
    for name, spec in option_specs(type(options)).items():
        value = getattr(options, name)
        if spec.sharing is Sharing.NONE and value != spec.default:
            raise TrainingError(f"`{name}` is for a run of its own; train {options.task!r} alone for that")
        if spec.sharing is Sharing.COMMON and value != getattr(first, name):
            raise TrainingError(
                f"runs that share passes need the same `{name}`, found {getattr(first, name)} and {value}"
            )
    if options.precision == "fp16":
        raise TrainingError("`precision` fp16 rescales losses, which runs cannot share; use bf16 or fp32")
