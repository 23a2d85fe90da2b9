"""Publishing of packs: signed repositories that are static folders. Needs the extra `publish`.

    from bitfit_toolkit.publish import Publisher

    publisher = Publisher("site", "keys")  # the passphrase of the keys is in BITFIT_KEY_PASSPHRASE
    publisher.publish({"mood": "mood.safetensors"}, base="base")

Names are imported when they are first used.
"""

from typing import TYPE_CHECKING

from bitfit_runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from bitfit_toolkit.publish.keys import KeyRing
    from bitfit_toolkit.publish.packs import Candidate, validate_pack
    from bitfit_toolkit.publish.publisher import Publisher
    from bitfit_toolkit.publish.server import open_server
    from bitfit_toolkit.publish.settings import Lifetimes

__all__ = ["Candidate", "KeyRing", "Lifetimes", "Publisher", "open_server", "validate_pack"]

_MODULES = {
    "Candidate": "bitfit_toolkit.publish.packs",
    "KeyRing": "bitfit_toolkit.publish.keys",
    "Lifetimes": "bitfit_toolkit.publish.settings",
    "Publisher": "bitfit_toolkit.publish.publisher",
    "open_server": "bitfit_toolkit.publish.server",
    "validate_pack": "bitfit_toolkit.publish.packs",
}
__getattr__, __dir__ = lazy_exports(__name__, _MODULES, extra="publish")
