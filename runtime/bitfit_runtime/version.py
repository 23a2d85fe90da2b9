"""The version of the whole distribution, which formats record as their writer."""

__version__ = "0.1.0"
TOOL = f"bitfit-edge {__version__}"
