from typing import Any

import numpy as np
from numpy.typing import NDArray

class LogisticRegression:
    coef_: NDArray[np.floating[Any]]
    intercept_: NDArray[np.floating[Any]]
    n_iter_: NDArray[np.int32]
    def __init__(self, *, C: float = ..., solver: str = ..., max_iter: int = ...) -> None: ...
    def fit(self, matrix: NDArray[Any], truth: NDArray[Any], /) -> LogisticRegression: ...
    def predict_proba(self, matrix: NDArray[Any], /) -> NDArray[np.floating[Any]]: ...
