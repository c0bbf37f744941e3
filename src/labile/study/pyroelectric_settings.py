"""`[pyroelectricity]` of a manifest as numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from labile.study.manifest import Problems
from labile.study.manifest_tables import PyroelectricityTable
from labile.study.quantities import QuantityError, read_quantity


@dataclass(frozen=True)
class OutlookSettings:
    """`[pyroelectricity]` in SI; NaN or empty where the manifest says nothing.

    Attributes
    ----------
    area : float
        m2.
    rate : float
        K/s.
    temperatures : tuple of float
        K, at which p is stated.
    reference_fraction : float
        Upper limit of a reference compound as a fraction of p.
    transfer_distance : float
        m.
    heat_capacity : float
        J m-3 K-1.
    permittivity, loss_tangent : float
    source : str
        Of the material's properties.
    """

    area: float = math.nan
    rate: float = math.nan
    temperatures: tuple[float, ...] = ()
    reference_fraction: float = math.nan
    transfer_distance: float = math.nan
    heat_capacity: float = math.nan
    permittivity: float = math.nan
    loss_tangent: float = math.nan
    source: str = ""


def outlook_settings(table: PyroelectricityTable | None, problems: Problems) -> OutlookSettings | None:
    """Numbers of the table in SI; what is wrong goes to `problems`."""
    if table is None:
        return None
    found: dict[str, float] = {}
    kinds = {"area": "area", "rate": "sweep_rate", "transfer_distance": "length"}
    kinds["volumetric_heat_capacity"] = "volumetric_heat_capacity"
    for key, quantity in kinds.items():
        text = getattr(table, key)
        if text is not None:
            with problems.at("pyroelectricity", key):
                found[key] = read_quantity(text, quantity).value
                if found[key] == 0 or (key != "rate" and found[key] < 0):
                    raise QuantityError(f"found {text!r}, expected a value above 0")
    if (table.area is None) != (table.rate is None):
        problems.add(("pyroelectricity",), "area and rate go together: the current is p times both; give the other one")
    if any(not 0 < one for one in table.at):
        problems.add(("pyroelectricity", "at"), f"found {table.at}, expected temperatures above 0 K")
    nothing = math.nan
    return OutlookSettings(
        found.get("area", nothing),
        found.get("rate", nothing),
        tuple(table.at),
        nothing if table.reference_fraction is None else table.reference_fraction,
        found.get("transfer_distance", nothing),
        found.get("volumetric_heat_capacity", nothing),
        nothing if table.permittivity is None else table.permittivity,
        nothing if table.loss_tangent is None else table.loss_tangent,
        table.source,
    )
