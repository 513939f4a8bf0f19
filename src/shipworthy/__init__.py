"""Shipworthy finds out whether a machine-learning model is worth shipping, ships it, and keeps it worth shipping.

The package is a house of rooms on floors (``docs/architecture.md``); imports go down only. This face
stays light: it loads no numpy and opens nothing until :func:`open` is called.

>>> import shipworthy
>>> shipworthy.__version__.count(".")
2
"""

from typing import TYPE_CHECKING

from shipworthy.core.version import __version__

if TYPE_CHECKING:
    from shipworthy.app.project import OpenProject

__all__ = ["__version__", "open"]


def open(folder: str = ".") -> "OpenProject":  # noqa: A001 - the word users expect, as in tarfile.open
    """Open the project in ``folder``; every step of the journey is a method of the result.

    Args:
        folder: A folder that holds ``shipworthy.yaml``.

    Returns:
        The opened project: ``check()``, ``train()``, ``test()``, ``ship()``, ``status()`` and so on.

    Raises:
        UserError: If the folder has no project file, or the file is not valid.
    """
    from shipworthy.app.project import OpenProject

    return OpenProject.at(folder)
