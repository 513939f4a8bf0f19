# pyarrow ships no types. Every name is Any until it does; our own signatures keep the promises.
from typing import Any

def __getattr__(name: str) -> Any: ...
