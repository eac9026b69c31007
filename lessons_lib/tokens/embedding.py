"""From token ids to vectors."""

from collections.abc import Sequence

import numpy as np

__all__ = ["embed"]


def embed(ids: Sequence[int] | np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up one row of `table` for each token id.

    Args:
        ids: token ids, of any shape (...).
        table: the embedding table, shape (V, D): one vector of D numbers for each token.

    Returns:
        The vectors, shape (..., D).

    Raises:
        ValueError: ids that are not integers, or outside ``0 .. V - 1``.

    >>> table = np.array([[0.0, 0.0], [1.0, 5.0], [2.0, 6.0]])
    >>> embed([2, 1], table)
    array([[2., 6.],
           [1., 5.]])
    """
    ids = np.asarray(ids)
    if not ids.size:
        ids = ids.astype(int)
    if not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"expected integer token ids, got {ids.dtype}")
    if ids.size and (ids.min() < 0 or ids.max() >= len(table)):
        raise ValueError(f"expected ids from 0 to {len(table) - 1}, got {ids.min()} to {ids.max()}")
    return table[ids]
