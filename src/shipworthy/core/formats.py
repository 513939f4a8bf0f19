"""The numbers of our on-disk formats, in one place, with the rule for changing them.

A number rises by one when a reader of the old number could misread the new files. Adding a file, a key
or a column that old readers skip does not raise it. Readers of every released number stay in the code
(``packaging/old``, ``stores/old``); writers write only the newest.
"""

from typing import Final

__all__ = ["PACKAGE", "PROFILE", "PROJECT", "SEGMENT", "WORKSPACE"]

PROJECT: Final = "shipworthy/v1"
PACKAGE: Final = 1
PROFILE: Final = 1
SEGMENT: Final = 1
WORKSPACE: Final = 1
