"""Every error that the runtime raises on purpose.

BitfitError
├── BundleError               a base bundle cannot be used
│   ├── BundleNotFoundError   no bundle in that folder
│   ├── BundleFormatError     its manifest is malformed or of a newer schema
│   ├── BundleIntegrityError  a file differs from the digest that the manifest gives
│   └── SelfTestError         this machine's kernels do not compute what the export computed
├── PackError                 a pack cannot be used
│   ├── PackNotFoundError     no such file
│   ├── PackFormatError       truncated, altered, not finite, over a limit, or of a newer schema
│   └── PackMismatchError     made for another base
├── UnknownTaskError          no pack is installed under that name
└── InputError                the caller's texts or rows are not what the method takes

A message says what was expected, what was found and what to do next, in one line.
"""


class BitfitError(Exception):
    """Root of every error that bitfit-edge raises on purpose."""


class BundleError(BitfitError):
    """A base bundle cannot be used."""


class BundleNotFoundError(BundleError):
    """The folder holds no base bundle."""


class BundleFormatError(BundleError):
    """The manifest is malformed, or written by a newer schema."""


class BundleIntegrityError(BundleError):
    """A file of the bundle differs from the digest in its manifest."""


class SelfTestError(BundleError):
    """The graph, run here, does not give what it gave at export."""


class PackError(BitfitError):
    """A pack cannot be used."""


class PackNotFoundError(PackError):
    """There is no such pack file."""


class PackFormatError(PackError):
    """The pack is truncated, altered, not finite, over a limit, or of a newer schema."""


class PackMismatchError(PackError):
    """The pack was made for another base."""


class UnknownTaskError(BitfitError):
    """No pack is installed under the name that was asked for."""


class InputError(BitfitError):
    """The texts or rows are not what the method takes."""
