from typing import Any

import numpy as np
from numpy.typing import NDArray

class LogisticRegression:
    coef_: NDArray[np.floating[Any]]
    intercept_: NDArray[np.floating[Any]]
    n_iter_: NDArray[np.int32]
    def __init__(self, *, C: float = ..., solver: str = ..., max_iter: int = ...) -> None: ...
    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> LogisticRegression: ...
    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.floating[Any]]: ...
