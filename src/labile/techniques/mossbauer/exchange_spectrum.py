"""The whole spectrum of a crystal whose states exchange, as data of a joint fit.

    T(v) = B {1 - A [sum_i x_i f_i(T)] S(v)}

S is the stochastic line shape (unit area) of both lines of the doublet over the states, with populations x_i, isomer
shifts, signed quadrupole splittings of parallel axes and rates kappa(T) = k_0 exp(-E_a/RT); f_i are the recoil-free
fractions.

A joint fit compares numbers at conditions: `spectrum_points` turns a spectrum into one number for every velocity, all
at the temperature of the spectrum, and `ExchangeSpectrum` predicts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from labile.core.conditions import Conditions
from labile.core.constants import GAS_CONSTANT
from labile.core.material import State
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter
from labile.models.observable import Prediction
from labile.models.populations import Populations
from labile.techniques.mossbauer.components import BROADEST, NARROWEST
from labile.techniques.mossbauer.dynamics import recoil_free_fraction, second_order_doppler
from labile.techniques.mossbauer.exchange import exchange_line
from labile.techniques.mossbauer.iron57 import ANGULAR_FREQUENCY, MM_S, NATURAL_WIDTH, MossbauerError
from labile.techniques.mossbauer.observables import ROOM, _lattice, _shift, rate_parameters
from labile.techniques.mossbauer.spectrum_fit import prepared

FASTEST = 1e4 * MM_S
"""Rates above 1e4 mm/s (7e11 s-1) are computed as that: the line has long been a single one."""


@dataclass(frozen=True, eq=False)
class ExchangeSpectrum:
    """Transmission of a crystal with exchanging states at given velocities (parallel gradient axes).

    Own parameters: ``<state>.isomer_shift`` (at `reference_temperature`), ``<state>.quadrupole_splitting`` (signed),
    ``<state>.lattice_temperature``, for every pair that exchanges ``<a>-<b>.attempt_rate`` and
    ``<a>-<b>.activation_energy``, and of the spectrum ``<sample>.baseline``, ``<sample>.absorption_area`` (m/s, at
    f = 1) and ``<sample>.line_width``.

    Attributes
    ----------
    velocity : ndarray (N,)
        m/s of each point that is predicted.
    sample : str
        Prefix of baseline, area and width: one for each spectrum, tied or shared where they are the same.
    pairs : tuple of (str, str) or None
        Pairs of states, in declared order, that exchange; None for all of them.
    reference_temperature : float
        K at which the states' isomer shifts hold.
    """

    velocity: np.ndarray
    sample: str = "sample"
    pairs: tuple[tuple[str, str], ...] | None = None
    reference_temperature: float = ROOM

    def __post_init__(self) -> None:
        velocity = np.array(self.velocity, dtype=float)
        if velocity.ndim != 1 or velocity.size == 0 or not np.all(np.isfinite(velocity)):
            raise MossbauerError("exchange spectrum: one row of finite velocities is expected")
        velocity.flags.writeable = False
        object.__setattr__(self, "velocity", velocity)
        if self.pairs is not None:
            object.__setattr__(self, "pairs", tuple(tuple(pair) for pair in self.pairs))

    @property
    def quantity(self) -> str:
        """``"transmission"``."""
        return "transmission"

    def _pairs(self, names: tuple[str, ...]) -> dict[tuple[int, int], str]:
        """Pairs by the places of their states, with the prefix of their parameters."""
        chosen = tuple(combinations(names, 2)) if self.pairs is None else self.pairs
        found = {}
        for pair in chosen:
            if len(pair) != 2 or any(name not in names for name in pair):
                raise MossbauerError(f"exchange spectrum: {pair!r} is no pair of the states {', '.join(names)}")
            a, b = (names.index(name) for name in pair)
            if a >= b:
                raise MossbauerError(f"exchange spectrum: name pairs in declared order, found {pair[0]}-{pair[1]}")
            found[(a, b)] = f"{pair[0]}-{pair[1]}"
        return found

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        names = tuple(state.name for state in states)
        return (
            *(_shift(name) for name in names),
            *(Parameter(f"{name}.quadrupole_splitting") for name in names),
            *(_lattice(name) for name in names),
            *(p for prefix in self._pairs(names).values() for p in rate_parameters(prefix)),
            Parameter(f"{self.sample}.baseline", 1.0, lower=0.5, upper=1.5),
            Parameter(f"{self.sample}.absorption_area", 0.1 * MM_S, lower=0.0, upper=10 * MM_S),
            Parameter(f"{self.sample}.line_width", 2.6 * NATURAL_WIDTH, lower=NARROWEST, upper=BROADEST),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Transmission at every point with its partial derivatives.

        Raises
        ------
        MossbauerError
            If there are not as many points as velocities.
        """
        kelvin = np.asarray(conditions.temperature)
        if kelvin.size != self.velocity.size:
            raise MossbauerError(f"exchange spectrum: {kelvin.size} points for {self.velocity.size} velocities")
        names = populations.state_names
        result = np.empty(kelvin.size)
        d_x = np.empty(populations.x.shape)
        d_t = np.empty(kelvin.size)
        own: dict[str, np.ndarray] = {p: np.zeros(kelvin.size) for p in self._own(names)}
        # points of one spectrum share their temperature and populations
        keys = np.column_stack([kelvin, populations.x])
        _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        for number, start in enumerate(first):
            rows = np.flatnonzero(group.reshape(-1) == number)
            part = self._at(self.velocity[rows], float(kelvin[start]), populations.x[start], names, values)
            result[rows], d_x[rows], d_t[rows] = part[0], part[1], part[2]
            for name, column in part[3].items():
                own[name][rows] = column
        return Prediction(values=result, d_x=d_x, d_temperature=d_t, d_own=own)

    def _own(self, names: tuple[str, ...]) -> list[str]:
        return [p.name for p in self.parameters(tuple(State(name) for name in names))]

    def _at(
        self, v: np.ndarray, kelvin: float, x: np.ndarray, names: tuple[str, ...], values: Mapping[str, float]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Transmission at one temperature, its derivatives in x (M, n), T (M,) and own parameters."""
        n = len(names)
        x = np.maximum(x, 0.0)
        theta = [values[f"{name}.lattice_temperature"] for name in names]
        doppler = [second_order_doppler(kelvin, one) for one in theta]
        doppler_0 = [second_order_doppler(self.reference_temperature, one) for one in theta]
        f = [recoil_free_fraction(kelvin, one) for one in theta]
        shift = np.array([values[f"{name}.isomer_shift"] for name in names])
        shift = shift + [float(a.value - b.value) for a, b in zip(doppler, doppler_0, strict=True)]
        split = np.array([values[f"{name}.quadrupole_splitting"] for name in names])
        pairs = self._pairs(names)
        arrhenius = {
            pair: np.exp(-values[f"{prefix}.activation_energy"] / (GAS_CONSTANT * kelvin))
            for pair, prefix in pairs.items()
        }
        rates = {
            pair: values[f"{prefix}.attempt_rate"] * arrhenius[pair] / ANGULAR_FREQUENCY
            for pair, prefix in pairs.items()
        }
        capped = {pair: rate > FASTEST for pair, rate in rates.items()}
        rates = {pair: min(rate, FASTEST) for pair, rate in rates.items()}
        width = values[f"{self.sample}.line_width"]
        low = exchange_line(v, shift - 0.5 * split, x, width, rates)
        high = exchange_line(v, shift + 0.5 * split, x, width, rates)
        shape = 0.5 * (low.value + high.value)
        level, area = values[f"{self.sample}.baseline"], values[f"{self.sample}.absorption_area"]
        fractions = np.array([float(one.value) for one in f])
        mean_f = float(x @ fractions)
        scale = -level * area * mean_f
        by_shift = scale * 0.5 * (low.d_frequency + high.d_frequency)
        by_split = scale * 0.25 * (high.d_frequency - low.d_frequency)
        d_x = (scale * 0.5 * (low.d_population + high.d_population) - level * area * fractions[:, None] * shape).T
        own = {
            f"{self.sample}.baseline": 1.0 - area * mean_f * shape,
            f"{self.sample}.absorption_area": -level * mean_f * shape,
            f"{self.sample}.line_width": scale * 0.5 * (low.d_width + high.d_width),
        }
        d_t = np.zeros(v.size)
        for i, name in enumerate(names):
            own[f"{name}.isomer_shift"] = by_shift[i]
            own[f"{name}.quadrupole_splitting"] = by_split[i]
            by_f = -level * area * x[i] * shape
            moved = float(doppler[i].d_theta - doppler_0[i].d_theta)
            own[f"{name}.lattice_temperature"] = by_shift[i] * moved + by_f * float(f[i].d_theta)
            d_t += by_shift[i] * float(doppler[i].d_temperature) + by_f * float(f[i].d_temperature)
        for pair, prefix in pairs.items():
            by_rate = scale * 0.5 * (low.d_rate[pair] + high.d_rate[pair])
            if capped[pair]:
                by_rate = np.zeros(v.size)
            barrier = values[f"{prefix}.activation_energy"]
            own[f"{prefix}.attempt_rate"] = by_rate * arrhenius[pair] / ANGULAR_FREQUENCY
            own[f"{prefix}.activation_energy"] = -by_rate * rates[pair] / (GAS_CONSTANT * kelvin)
            d_t += by_rate * rates[pair] * barrier / (GAS_CONSTANT * kelvin**2)
        assert d_x.shape == (v.size, n)
        return level * (1.0 - area * mean_f * shape), d_x, d_t, own


def spectrum_points(spectrum: Measurement) -> tuple[Measurement, np.ndarray]:
    """A folded spectrum as one number at a condition for every velocity, and the velocities.

    Parameters
    ----------
    spectrum : Measurement
        Counts or transmission along velocity, relative to alpha-iron, at one temperature.

    Returns
    -------
    points : Measurement
        ``"transmission"`` without an axis: N points at the temperature of the spectrum.
    velocity : ndarray (N,)
        m/s, for `ExchangeSpectrum`.
    """
    spectrum = prepared(spectrum)
    assert spectrum.axis is not None
    if spectrum.sigma is None:
        raise MossbauerError(f"spectrum {spectrum.label!r}: neither counts nor sigma; the weights are not known")
    count = spectrum.axis.values.size
    conditions = Conditions(
        np.full(count, float(spectrum.conditions.temperature[0])), float(spectrum.conditions.pressure[0])
    )
    points = replace(
        spectrum,
        values=spectrum.values[0],
        sigma=spectrum.sigma[0],
        axis=None,
        conditions=conditions,
        branch="equilibrium",
        provenance=spectrum.provenance.then(f"{count} velocities taken as points at one temperature"),
    )
    return points, spectrum.axis.values
