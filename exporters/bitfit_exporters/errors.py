"""Errors that an export raises on purpose.

ExportError
├── UnknownModelError        not a short name, a folder or a hub name
├── ModelUnavailableError    it cannot be downloaded or is not in the cache
├── CheckpointError          the folder is not a complete checkpoint
├── OnnxModelError           an ONNX model cannot be read, or its parameters not recognized
├── ArchitectureError        an encoder family that is not supported, or without what an option needs
├── CaptureError             the captured graph is not what the passes expect
├── VerificationError        the exported graph failed a check
└── OutputError              the base cannot be written
"""

from bitfit_runtime import BitfitError


class ExportError(BitfitError):
    """A base could not be exported. Nothing was left behind, and an earlier base is unchanged."""


class UnknownModelError(ExportError):
    """The name is not a short name, a folder or a hub name."""


class ModelUnavailableError(ExportError):
    """The model cannot be downloaded, or is not in the local cache."""


class CheckpointError(ExportError):
    """The folder is not a complete checkpoint."""


class OnnxModelError(ExportError):
    """An ONNX model of another exporter cannot be read, or its parameters cannot be recognized."""


class ArchitectureError(ExportError):
    """The encoder's family is not supported, or lacks what an option needs."""


class CaptureError(ExportError):
    """The captured graph is not what the passes expect."""


class VerificationError(ExportError):
    """The exported graph failed a check."""


class OutputError(ExportError):
    """The base cannot be written."""
