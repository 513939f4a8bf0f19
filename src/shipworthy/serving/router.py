"""Which variant answers: pure, sticky for each caller, from nothing but key, salt and weights."""

import bisect
import itertools
from collections.abc import Sequence
from hashlib import blake2b

__all__ = ["Router"]


class Router:
    """Assigns keys to variants in proportion to their weights.

    The same key, salt and weights give the same variant, on every worker. When weight moves from one variant
    to the next, only the keys on that border change sides.

    Args:
        weights: Share of the traffic of each variant, fractions that sum to 1.
        salt: Makes the assignment independent of other endpoints' and earlier plans'.

    >>> router = Router((0.9, 0.1), salt="spring")
    >>> router.choose("customer-7") == router.choose("customer-7")
    True
    """

    def __init__(self, weights: Sequence[float], salt: str) -> None:
        self._salt = salt.encode(errors="surrogatepass")
        carrying = [index for index, weight in enumerate(weights) if weight > 0]
        self.only = carrying[0] if len(carrying) == 1 else None
        self._carrying = carrying
        self._edges = list(itertools.accumulate(weights[index] for index in carrying))[:-1]

    def choose(self, key: str) -> int:
        """Position of the variant that answers ``key``."""
        if self.only is not None:
            return self.only
        return self._carrying[bisect.bisect_right(self._edges, share(key, self._salt))]


def share(key: str, salt: bytes) -> float:
    """Where ``key`` falls in [0, 1), uniformly over keys.

    Source:
        J.-P. Aumasson et al. (2013), BLAKE2: simpler, smaller, fast as MD5 (keyed by hashing salt and key apart).
    """
    text = len(salt).to_bytes(4, "big") + salt + key.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2**64
