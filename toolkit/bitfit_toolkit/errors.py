"""Every error that the toolkit raises on purpose.

ToolkitError
├── DataError           labelled texts that cannot be used
├── TrainingError       a training run that cannot begin or go on
└── MissingExtraError   a package of an optional extra is not installed
"""

from bitfit_runtime import BitfitError


class ToolkitError(BitfitError):
    """Root of the toolkit's errors."""


class DataError(ToolkitError):
    """Labelled texts that cannot be used."""


class TrainingError(ToolkitError):
    """A training run that cannot begin or go on."""


class MissingExtraError(ToolkitError, ImportError):
    """A package of an optional extra is not installed."""
