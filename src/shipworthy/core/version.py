"""The version, on the ground, so that no room has to import the face of the house for it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
