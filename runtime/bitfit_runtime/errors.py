"""Every error that the runtime raises on purpose.

BitfitError
├── BaseError                 a base cannot be used
│   ├── BaseNotFoundError     no base in that folder
│   ├── BaseFormatError       its manifest is malformed or of a newer schema
│   ├── BaseIntegrityError    a file differs from the digest that the manifest gives
│   ├── SelfTestError         this machine's kernels do not compute what the export computed
│   └── InferenceError        ONNX Runtime failed while it ran the graph
├── PackError                 a pack cannot be used
│   ├── PackNotFoundError     no such file
│   ├── PackFormatError       truncated, altered, not finite, over a limit, or of a newer schema
│   └── PackMismatchError     made for another base
├── UpdateError               an update was not made; what was active stays active
│   ├── UnreachableError      the server or the network did not give what was asked for
│   ├── UntrustedUpdateError  metadata or a pack is not what the trusted keys signed
│   │   ├── ExpiredError      signed metadata is older than its signers allow
│   │   └── RollbackError     it is older than what this device has seen
│   ├── CanaryError           the pack does not compute here what it computed for its publisher
│   ├── TemporaryError        a release could not be tried for now; it is tried again
│   ├── WithdrawnError        the publisher withdrew the task
│   ├── UnpublishedError      the publisher never had the task for this base
│   └── StoreError            the store's folder cannot be read or written
│       └── StoreBusyError    another process is updating it
├── HubError                  the hub did not give or take a base or a pack
├── UnknownTaskError          no pack is installed under that name
├── InputError                the caller's texts or rows are not what the method takes
└── MissingExtraError         a package of an optional extra is not installed

A message says what was expected, what was found and what to do next, in one line.
"""

import re
from typing import Final

LONGEST_MESSAGE: Final = 1000
COLOURS: Final = re.compile("\x1b\\[[0-9;]*m")


class BitfitError(Exception):
    """Root of every error that bitfit-edge raises on purpose.

    A message may quote a file that nobody vouches for. So that it cannot forge lines of a log or steer a terminal, what
    is not printable is escaped, and what is too long loses its middle: the end says what to do.
    """

    def __init__(self, message: str) -> None:
        escaped = (c if c.isprintable() else ascii(c)[1:-1] for c in _shortened(message))
        super().__init__(_shortened("".join(escaped)))


def _shortened(message: str) -> str:
    if len(message) <= LONGEST_MESSAGE:
        return message
    kept = LONGEST_MESSAGE // 2 - 2
    return f"{message[:kept]} … {message[-kept:]}"


class BaseError(BitfitError):
    """A base cannot be used."""


class BaseNotFoundError(BaseError):
    """The folder holds no base."""


class BaseFormatError(BaseError):
    """The manifest is malformed, or written by a newer schema."""


class BaseIntegrityError(BaseError):
    """A file of the base differs from the digest in its manifest."""


class SelfTestError(BaseError):
    """The graph, run here, does not give what it gave at export."""


class InferenceError(BaseError):
    """ONNX Runtime failed while it ran the graph."""


class PackError(BitfitError):
    """A pack cannot be used."""


class PackNotFoundError(PackError):
    """There is no such pack file."""


class PackFormatError(PackError):
    """The pack is truncated, altered, not finite, over a limit, or of a newer schema."""


class PackMismatchError(PackError):
    """The pack was made for another base."""


class UpdateError(BitfitError):
    """An update was not made; what was active stays active."""


class UnreachableError(UpdateError):
    """The server or the network did not give what was asked for."""


class UntrustedUpdateError(UpdateError):
    """Metadata or a pack is not what the trusted keys signed."""


class ExpiredError(UntrustedUpdateError):
    """Signed metadata is older than its signers allow."""


class RollbackError(UntrustedUpdateError):
    """Metadata or a pack is older than what this device has seen."""


class CanaryError(UpdateError):
    """The pack does not compute here what it computed for its publisher."""


class TemporaryError(UpdateError):
    """A release could not be tried for now, for want of memory, say; it is tried again."""


class WithdrawnError(UpdateError):
    """The publisher withdrew the task; what was active goes on answering."""


class UnpublishedError(UpdateError):
    """The publisher never had the task for this base."""


class StoreError(UpdateError):
    """The store's folder cannot be read or written."""


class StoreBusyError(StoreError):
    """Another process is updating the store."""


class HubError(BitfitError):
    """The hub did not give or take a base or a pack."""


class UnknownTaskError(BitfitError):
    """No pack is installed under the name that was asked for."""


class InputError(BitfitError):
    """The texts or rows are not what the method takes."""


class MissingExtraError(BitfitError, ImportError):
    """A package of an optional extra is not installed."""

    @classmethod
    def from_import(cls, what: str, error: ImportError, extra: str) -> "MissingExtraError":
        """Say which extra to install for `what`, of which `error` lacks a package."""
        missing = error.name or first_line(error)
        return cls(f"{what} needs {missing}; run: pip install 'bitfit-edge[{extra}]'")


def is_panic(error: BaseException) -> bool:
    """Whether an exception is a panic of Rust code, which is no Exception."""
    return type(error).__name__ == "PanicException"


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or the name of its class where it has none.

    Colours, with which some libraries mark their messages, are left out.
    """
    return (COLOURS.sub("", str(error)).strip().splitlines() or [type(error).__name__])[0]
