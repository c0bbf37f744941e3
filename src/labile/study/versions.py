"""Which versions computed a result."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from labile import __version__

PACKAGES = ("numpy", "scipy", "numba", "xarray", "h5netcdf", "pandas", "pint", "gemmi", "molmass", "pydantic",
            "matplotlib", "plotly")  # fmt: skip


def versions() -> dict[str, str]:
    """Python, labile and the libraries it computes with."""
    return {"python": platform.python_version(), "labile": __version__, **{n: _version(n) for n in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
