"""One cell's figures over its blocks. Every check asks for many, one by one, for which a data frame takes too long. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NAMES = ("arm", "endpoint", "level")


@dataclass(frozen=True)
class CellBlocks:
    """Columns of equal length, a value per block, NaN where it is not known; so is a figure of which no value is known."""

    columns: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.columns["block"])

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.columns[name]

    def known(self, name: str) -> NDArray[np.float64]:
        """The values that are known."""
        values = self.columns[name]
        return values[~np.isnan(values)]

    def sum(self, name: str) -> float:
        return float(self.known(name).sum())

    def max(self, name: str) -> float:
        return float(self.known(name).max()) if len(self.known(name)) else np.nan

    def min(self, name: str) -> float:
        return float(self.known(name).min()) if len(self.known(name)) else np.nan

    def median(self, name: str) -> float:
        return float(np.median(self.known(name))) if len(self.known(name)) else np.nan

    def each(self, *names: str) -> Iterator[dict[str, float]]:
        """Block after block, these columns."""
        for values in zip(*(self.columns[name].tolist() for name in names), strict=True):
            yield dict(zip(names, values, strict=True))


def by_cell(per_block: pd.DataFrame) -> dict[tuple[Any, ...], CellBlocks]:
    """By (arm, endpoint, level), the rows of each cell that was measured."""
    places = per_block.groupby(list(NAMES)).indices
    columns = {name: per_block[name].to_numpy(dtype=float) for name in per_block if name not in NAMES}
    return {
        cell: CellBlocks({name: values[where] for name, values in columns.items()}) for cell, where in places.items()
    }
