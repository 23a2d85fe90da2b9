"""Every error that an export raises on purpose.

ExportError
├── UnknownModelError        neither a short name, nor a folder, nor a hub name
├── ModelUnavailableError    it cannot be downloaded or is not in the cache
├── CheckpointError          the folder is not a whole checkpoint
├── OnnxModelError           an ONNX model from elsewhere cannot be read, or its parameters cannot be told
├── ArchitectureError        an encoder family that is not supported, or without what an option needs
├── CaptureError             the captured graph is not what the passes expect
├── VerificationError        the exported graph failed a check
└── OutputError              the bundle cannot be written
"""

from bitfit_runtime import BitfitError


class ExportError(BitfitError):
    """A base could not be exported. No bundle was left behind, and an earlier one is unchanged."""


class UnknownModelError(ExportError):
    """The name is neither a short name, nor a folder, nor a hub name."""


class ModelUnavailableError(ExportError):
    """The model cannot be downloaded, or is not in the local cache."""


class CheckpointError(ExportError):
    """The folder is not a whole checkpoint."""


class OnnxModelError(ExportError):
    """An ONNX model from elsewhere cannot be read, or its parameters cannot be told."""


class ArchitectureError(ExportError):
    """The encoder's family is not supported, or lacks what an option needs."""


class CaptureError(ExportError):
    """The captured graph is not what the passes expect."""


class VerificationError(ExportError):
    """The exported graph failed a check."""


class OutputError(ExportError):
    """The bundle cannot be written."""
