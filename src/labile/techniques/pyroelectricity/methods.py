"""A whole log reduced by one of the methods, branch by branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labile.core.branches import split_branches
from labile.core.measurement import Measurement
from labile.techniques.pyroelectricity.conversions import PyroelectricityError
from labile.techniques.pyroelectricity.integration import polarization_change
from labile.techniques.pyroelectricity.oscillation import sharp_garn
from labile.techniques.pyroelectricity.pair import analyse_pair
from labile.techniques.pyroelectricity.reduction import (
    fit_baseline,
    pyroelectric_coefficient,
    require_log,
    sample_temperature,
)

METHODS = ("byer_roundy", "pair", "sharp_garn")
"""Ramps one by one; a heating and a cooling ramp together; a temperature that oscillates."""
_OWN = {
    "pair": ("area", "sigma_area", "polarity", "zero_window", "rate_window", "lag"),
    "sharp_garn": ("area", "sigma_area", "polarity", "lag", "period", "periods"),
}
"""Options of the methods that do not take all."""


def reduce_current(
    log: Measurement, *, quantity: str = "pyroelectric_coefficient", method: str = "byer_roundy", **options: Any
) -> tuple[Measurement, ...]:
    """Reduce a whole log, branch by branch; heating and cooling are never averaged.

    Parameters
    ----------
    log : Measurement
        ``"current"`` with times; it may hold several branches.
    quantity : {"pyroelectric_coefficient", "polarization_change"}
    method : {"byer_roundy", "pair", "sharp_garn"}
        Ramps, each by itself; one heating and one cooling ramp together (a heating after them counts as the second
        one), with offset, drift, leakage and lag separated; a sinusoidal temperature. The last two give p only.
    **options
        Of `pyroelectric_coefficient` or `polarization_change`, and ``lag`` (s): a ``zero_window`` is fitted to all
        branches together. With ``"pair"``: those of `analyse_pair`. With ``"sharp_garn"``: ``area``, ``sigma_area``,
        ``polarity``, ``lag``, ``period`` (s) and ``periods`` of `sharp_garn`.

    Returns
    -------
    tuple of Measurement
        One for each heating or cooling branch; isothermal parts carry no pyroelectric current and are left out.

    Raises
    ------
    PyroelectricityError

    Examples
    --------
    >>> import numpy as np
    >>> from labile.core.conditions import Conditions
    >>> time = np.arange(0.0, 1200.0, 10.0)
    >>> triangle = 80.0 + np.minimum(time, 1200.0 - time) / 12
    >>> log = Measurement("current", np.where(time < 600, 1e-12, -1e-12), Conditions(triangle, time=time))
    >>> [part.branch for part in reduce_current(log, area=0.3036e-6)]
    ['heating', 'cooling']
    """
    where = f"measurement {log.label!r}"
    functions: Mapping[str, Any] = {
        "pyroelectric_coefficient": pyroelectric_coefficient,
        "polarization_change": polarization_change,
    }
    if quantity not in functions:
        raise PyroelectricityError(f"{where}: quantity must be one of {', '.join(functions)}, found {quantity!r}")
    if method not in METHODS:
        raise PyroelectricityError(f"{where}: method must be one of {', '.join(METHODS)}, found {method!r}")
    if method in _OWN:
        if quantity != "pyroelectric_coefficient":
            raise PyroelectricityError(f"{where}: method {method!r} gives a pyroelectric_coefficient, not {quantity}")
        foreign = sorted(set(options) - set(_OWN[method]))
        if foreign:
            raise PyroelectricityError(
                f"{where}: method {method!r} has no option {', '.join(foreign)}; its options are"
                f" {', '.join(_OWN[method])}"
            )
    elif "period" in options or "periods" in options:
        raise PyroelectricityError(f"{where}: period and periods belong to method 'sharp_garn'")
    require_log(log)
    if method == "sharp_garn":
        period = options.pop("period", None)
        found = sharp_garn(
            log,
            thermal_lag=options.pop("lag", 0.0),
            frequency=None if period is None else 1.0 / period,
            **options,
        )
        return (found.coefficient,)
    branches = [part for part in split_branches(log) if part.branch in ("heating", "cooling")]
    if not branches:
        raise PyroelectricityError(f"{where}: the temperature does not change; a pyroelectric current needs dT/dt")
    if method == "pair":
        order = [part.branch for part in branches]
        if order not in (["heating", "cooling"], ["cooling", "heating"], ["heating", "cooling", "heating"]):
            raise PyroelectricityError(
                f"{where}: method 'pair' needs one heating and one cooling run (and at most a second heating after"
                f" them), found {', '.join(order)}; select these runs"
            )
        first, cooling = branches[:2] if order[0] == "heating" else branches[1::-1]
        again = branches[2] if len(branches) == 3 else None
        return (analyse_pair(first, cooling, second_heating=again, **options).coefficient,)
    lag = options.pop("lag", 0.0)
    window = options.pop("zero_window", None)
    branches = [sample_temperature(part, lag) for part in branches]
    if window is not None:
        options["baseline"] = fit_baseline(branches, window, drift=options.pop("drift", True))
    return tuple(functions[quantity](part, **options) for part in branches)
