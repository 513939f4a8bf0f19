"""A forest as plain arrays: read from LightGBM, evaluated exactly, drawn as one ONNX node."""

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from shipworthy.training.graph import Graph

__all__ = ["Forest", "floor_float32"]

_CATEGORICAL = 1
_DEFAULT_LEFT = 2
_MISSING_TYPE = 12
_MISSING_IS_NONE = 0
_MISSING_IS_NAN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Binary trees whose leaves are summed. A row goes left where ``row[feature] <= threshold``.

    Nodes of all trees lie in one row; ``-1`` as ``feature`` marks a leaf. A leaf's children are itself.

    Attributes:
        tree: Number of the tree of each node, int64, shape (n_nodes,).
        root: Place of each tree's first node, int64, shape (n_trees,).
        feature: Column that a node asks for, or -1, int64, shape (n_nodes,).
        threshold: Float32, shape (n_nodes,).
        left: Place of the left child, int64, shape (n_nodes,).
        right: Place of the right child, int64, shape (n_nodes,).
        missing_left: Whether NaN goes left, shape (n_nodes,).
        value: What a leaf adds, float64, shape (n_nodes,); 0 for other nodes.
    """

    tree: NDArray[np.int64]
    root: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]

    @classmethod
    def read(cls, booster: lgb.Booster, *, rounds: int) -> "Forest":
        """Read the first ``rounds`` trees of a booster of numerical splits.

        The model's text is read, not ``dump_model``: it is what LightGBM itself loads, so nothing is lost, and
        deep trees are no deep recursion.

        Raises:
            ValueError: If a split is categorical or takes zero for missing, which this project never trains.
        """
        text = booster.model_to_string(num_iteration=rounds)
        trees = [_Tree.parse(block, number) for number, block in enumerate(text.split("\nTree=")[1:])]
        sizes = [len(one.feature) for one in trees]
        root = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        return cls(
            tree=np.repeat(np.arange(len(trees)), sizes),
            root=root,
            feature=np.concatenate([one.feature for one in trees]),
            threshold=np.concatenate([one.threshold for one in trees]),
            left=np.concatenate([one.left + start for one, start in zip(trees, root, strict=True)]),
            right=np.concatenate([one.right + start for one, start in zip(trees, root, strict=True)]),
            missing_left=np.concatenate([one.missing_left for one in trees]),
            value=np.concatenate([one.value for one in trees]),
        )

    def evaluate(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of the leaves that each row reaches, in double precision, shape (n_rows,)."""
        total = np.zeros(len(matrix))
        rows = np.arange(len(matrix))
        for root in self.root:
            node = np.full(len(matrix), root)
            while bool(np.any(self.feature[node] >= 0)):
                asked = matrix[rows, np.maximum(self.feature[node], 0)]
                left = np.where(np.isnan(asked), self.missing_left[node], asked <= self.threshold[node])
                node = np.where(left, self.left[node], self.right[node])
            total += self.value[node]
        return total

    def draw(self, graph: Graph, matrix: str) -> str:
        """Add the trees over the tensor ``matrix``; returns the name of their sum, shape (n_rows, 1)."""
        leaf = self.feature < 0
        inside = np.arange(len(self.tree)) - self.root[self.tree]
        start = self.root[self.tree]
        return graph.add(
            "TreeEnsembleRegressor",
            [matrix],
            domain="ai.onnx.ml",
            n_targets=1,
            aggregate_function="SUM",
            post_transform="NONE",
            nodes_treeids=self.tree.tolist(),
            nodes_nodeids=inside.tolist(),
            nodes_featureids=np.where(leaf, 0, self.feature).tolist(),
            nodes_modes=["LEAF" if one else "BRANCH_LEQ" for one in leaf.tolist()],
            nodes_values=self.threshold.tolist(),
            nodes_truenodeids=np.where(leaf, 0, self.left - start).tolist(),
            nodes_falsenodeids=np.where(leaf, 0, self.right - start).tolist(),
            nodes_missing_value_tracks_true=self.missing_left.astype(np.int64).tolist(),
            target_treeids=self.tree[leaf].tolist(),
            target_nodeids=inside[leaf].tolist(),
            target_ids=np.zeros(int(leaf.sum()), dtype=np.int64).tolist(),
            target_weights=self.value[leaf].tolist(),
        )


def floor_float32(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each number.

    For every float32 x, ``x <= number`` and ``x <= floor_float32(number)`` are then the same question. The nearest
    float32, which converters take, may lie above the number and let a value pass that must not.

    >>> float(floor_float32(np.array([0.1]))[0]) < 0.1 < float(np.float32(0.1))
    True
    """
    with np.errstate(over="ignore"):  # beyond float32 lies infinity, which asks the same question
        nearest = numbers.astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > numbers, below, nearest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """One tree; its splits come first, then its leaves; children are places within the tree."""

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]

    @classmethod
    def parse(cls, block: str, number: int) -> "_Tree":
        entries = dict(line.split("=", 1) for line in block.split("\n\n", 1)[0].splitlines() if "=" in line)
        leaves = int(entries["num_leaves"])
        splits = leaves - 1
        kind = _integers(entries, "decision_type", splits)
        missing = kind & _MISSING_TYPE
        if np.any(kind & _CATEGORICAL) or np.any((missing != _MISSING_IS_NONE) & (missing != _MISSING_IS_NAN)):
            raise ValueError(f"tree {number} has a split that is categorical or takes zero for missing")
        threshold = floor_float32(_numbers(entries, "threshold", splits))
        # a feature that was never missing in training: LightGBM takes NaN for zero
        missing_left = np.where(missing == _MISSING_IS_NAN, (kind & _DEFAULT_LEFT) > 0, threshold >= 0)
        own = np.arange(splits, leaves + splits)
        return cls(
            feature=np.concatenate([_integers(entries, "split_feature", splits), np.full(leaves, -1)]),
            threshold=np.concatenate([threshold, np.zeros(leaves, dtype=np.float32)]),
            left=np.concatenate([_children(entries, "left_child", splits), own]),
            right=np.concatenate([_children(entries, "right_child", splits), own]),
            missing_left=np.concatenate([missing_left, np.zeros(leaves, dtype=np.bool_)]),
            value=np.concatenate([np.zeros(splits), _numbers(entries, "leaf_value", leaves)]),
        )


def _children(entries: Mapping[str, str], name: str, splits: int) -> NDArray[np.int64]:
    """Children as places in the tree; LightGBM writes leaf i as -(i + 1)."""
    child = _integers(entries, name, splits)
    return np.where(child < 0, splits - 1 - child, child)


def _integers(entries: Mapping[str, str], name: str, length: int) -> NDArray[np.int64]:
    return np.array(entries[name].split() if length else [], dtype=np.int64)


def _numbers(entries: Mapping[str, str], name: str, length: int) -> NDArray[np.float64]:
    return np.array(entries[name].split() if length else [], dtype=np.float64)
