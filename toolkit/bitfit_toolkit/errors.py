"""Every error that the toolkit raises on purpose.

ToolkitError
├── DataError           labelled texts that cannot be used
├── TrainingError       a training run that cannot begin or go on
├── PlaceError          a file or an address that cannot be read or written
├── FleetError          many tasks or many rows whose earlier run cannot be gone on with
│   └── ClusterError         the cluster is not there, or lost a worker too often
├── ConversionError     what was trained elsewhere and no pack can hold, or the reverse
└── PublishError        a publication that was not made; readers see what they saw before
    ├── SigningKeyError      a signing key is missing, or its passphrase is wrong
    ├── RepositoryError      the folder is not what its keys signed
    └── PublishBusyError     another process publishes with the same keys
"""

from bitfit_runtime import BitfitError


class ToolkitError(BitfitError):
    """Root of the toolkit's errors."""


class DataError(ToolkitError):
    """Labelled texts that cannot be used."""


class TrainingError(ToolkitError):
    """A training run that cannot begin or go on."""


class PlaceError(ToolkitError):
    """A file or an address that cannot be read or written."""


class FleetError(ToolkitError):
    """Many tasks or many rows whose earlier run cannot be gone on with."""


class ClusterError(FleetError):
    """The cluster is not there, or lost a worker too often."""


class ConversionError(ToolkitError):
    """What was trained elsewhere and no pack can hold, or the reverse."""


class PublishError(ToolkitError):
    """A publication that was not made; readers see what they saw before."""


class SigningKeyError(PublishError):
    """A signing key is missing, or its passphrase is wrong."""


class RepositoryError(PublishError):
    """The folder is not what its keys signed."""


class PublishBusyError(PublishError):
    """Another process publishes with the same keys."""
