"""Publishing: signed repositories of packs, as static folders. Needs the extra `publish`."""

from bitfit_runtime.errors import MissingExtraError

try:
    from bitfit_toolkit.publish.keys import KeyRing
    from bitfit_toolkit.publish.packs import Candidate, prove
    from bitfit_toolkit.publish.publisher import Publisher
    from bitfit_toolkit.publish.server import open_server
    from bitfit_toolkit.publish.settings import Lifetimes
except ModuleNotFoundError as error:
    raise MissingExtraError(f"publishing needs {error.name}; run: pip install 'bitfit-edge[publish]'") from None

__all__ = ["Candidate", "KeyRing", "Lifetimes", "Publisher", "open_server", "prove"]
