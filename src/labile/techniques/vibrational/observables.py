"""What an infrared or Raman spectrometer reads when the populations of the electronic states are known.

    area of a band   = [1 + beta (T - T_0)/100 K] sum_i x_i a_i
    ratio of bands   = K sum_{i in A} x_i / sum_{i in B} x_i,      K = e_A/e_B
    spectral map     = sum_i x_i s_i(nu), the pure spectra s_i eliminated

All three hold while the states exchange slowly beside the distance of their bands: see `time_scale`. In the ratio K
is exactly degenerate with the entropy difference of two states; give K, or another measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labile.core.conditions import Conditions
from labile.core.material import State
from labile.core.measurement import Measurement
from labile.core.parameters import Parameter
from labile.fitting.variable_projection import CompressedSpectra, compress, projected_block
from labile.models.observable import Prediction
from labile.models.populations import Populations
from labile.techniques.vibrational.spectral_map import VibrationalError, rising, stated_noise, wavenumbers

ROOM = 295.0
"""K: where strengths hold unless said otherwise."""


def _require(wanted: tuple[str, ...], names: tuple[str, ...], what: str) -> None:
    if not wanted or len(set(wanted)) != len(wanted):
        raise VibrationalError(f"{what}: name each state once, found {wanted!r}")
    for state in wanted:
        if state not in names:
            raise VibrationalError(f"{what}: state {state!r} is not in this model; there are {', '.join(names)}")


def _names(states: tuple[str, ...] | str) -> tuple[str, ...]:
    return (states,) if isinstance(states, str) else tuple(states)


@dataclass(frozen=True)
class BandArea:
    """Integrated area of one band.

    Own parameters: ``<band>_<state>.band_area`` (1/m, of the pure state) of the listed states, and
    ``<band>.strength_slope`` (relative change per 100 K; 0 fixed by default).

    Attributes
    ----------
    band : str
        Prefix of its parameters.
    states : tuple of str
        Those that have the band.
    reference_temperature : float
        K, T_0.

    Examples
    --------
    >>> [p.name for p in BandArea("b1485", ("H",)).parameters((State("L", 0), State("H", 2)))]
    ['b1485_H.band_area', 'b1485.strength_slope']
    """

    band: str
    states: tuple[str, ...]
    reference_temperature: float = ROOM

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", _names(self.states))
        if not self.band or not self.reference_temperature > 0:
            raise VibrationalError("band_area: a name of the band and a reference temperature above 0 K are needed")

    @property
    def quantity(self) -> str:
        """``"band_area"``."""
        return "band_area"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        _require(self.states, tuple(s.name for s in states), f"band_area {self.band}")
        return (
            *(Parameter(f"{self.band}_{name}.band_area", lower=0.0) for name in self.states),
            Parameter(f"{self.band}.strength_slope", 0.0, unit="1", fixed=True, source="strengths that do not change"),
        )

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Area at every point, 1/m, with its partial derivatives."""
        names = populations.state_names
        _require(self.states, names, f"band_area {self.band}")
        tau = (np.asarray(conditions.temperature) - self.reference_temperature) / 100.0
        slope = values[f"{self.band}.strength_slope"]
        factor = 1.0 + slope * tau
        each = np.zeros(len(names))
        own: dict[str, np.ndarray] = {}
        for name in self.states:
            i = names.index(name)
            each[i] = values[f"{self.band}_{name}.band_area"]
            own[f"{self.band}_{name}.band_area"] = factor * populations.x[:, i]
        area = populations.x @ each
        own[f"{self.band}.strength_slope"] = area * tau
        return Prediction(
            values=factor * area, d_x=factor[:, None] * each, d_temperature=slope / 100.0 * area, d_own=own
        )


@dataclass(frozen=True)
class BandRatio:
    """Ratio of the areas of two bands, each of its own states.

    Own parameter: ``<band>.strength_ratio``, K = e_A/e_B of the numerator over the denominator.

    Attributes
    ----------
    band : str
        Prefix of its parameter.
    numerator, denominator : tuple of str
        States; none in both.

    Examples
    --------
    >>> BandRatio("V/H", ("V",), ("H",)).quantity
    'band_ratio'
    """

    band: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "numerator", _names(self.numerator))
        object.__setattr__(self, "denominator", _names(self.denominator))
        if not self.band or set(self.numerator) & set(self.denominator):
            raise VibrationalError(
                f"band_ratio {self.band!r}: a name, and states that are not in both bands, are needed; found"
                f" {self.numerator} over {self.denominator}"
            )

    @property
    def quantity(self) -> str:
        """``"band_ratio"``."""
        return "band_ratio"

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Own parameters with defaults and bounds, SI."""
        names = tuple(s.name for s in states)
        _require(self.numerator, names, f"band_ratio {self.band}")
        _require(self.denominator, names, f"band_ratio {self.band}")
        return (Parameter(f"{self.band}.strength_ratio", unit="1", lower=1e-9),)

    def predict(self, populations: Populations, conditions: Conditions, values: Mapping[str, float]) -> Prediction:
        """Ratio at every point with its partial derivatives.

        Raises
        ------
        ArithmeticError
            Where the denominator's states are empty.
        """
        names = populations.state_names
        _require(self.numerator, names, f"band_ratio {self.band}")
        _require(self.denominator, names, f"band_ratio {self.band}")
        above = np.array([float(n in self.numerator) for n in names])
        below = np.array([float(n in self.denominator) for n in names])
        k = values[f"{self.band}.strength_ratio"]
        a, b = populations.x @ above, populations.x @ below
        if np.any(b <= 0):
            raise ArithmeticError(f"band_ratio {self.band}: the states of its denominator are empty")
        ratio = k * a / b
        return Prediction(
            values=ratio,
            d_x=(k * above[None, :] - ratio[:, None] * below[None, :]) / b[:, None],
            d_temperature=np.zeros(ratio.shape),
            d_own={f"{self.band}.strength_ratio": a / b},
        )


@dataclass(frozen=True)
class SpectralMap:
    """A whole map of spectra as data; its pure spectra are eliminated, never parameters.

    It predicts no single numbers: a joint fit calls `compressed` once and `residuals` at every evaluation, and appends
    what it gets to its other blocks.

    Attributes
    ----------
    drift : {0, 1, 2}
        Degree to which pure spectra may change with temperature.
    reference_temperature : float
        K, about which they change.

    Examples
    --------
    >>> SpectralMap().eliminates_spectra
    True
    """

    drift: int = 0
    reference_temperature: float = ROOM

    def __post_init__(self) -> None:
        if self.drift not in (0, 1, 2) or not self.reference_temperature > 0:
            raise VibrationalError("spectral map: drift must be 0, 1 or 2, the reference temperature above 0 K")

    @property
    def quantity(self) -> str:
        """``"absorbance"``."""
        return "absorbance"

    @property
    def eliminates_spectra(self) -> bool:
        """True: its linear unknowns are projected out."""
        return True

    def parameters(self, states: tuple[State, ...]) -> tuple[Parameter, ...]:
        """Return no parameters: all spectra are eliminated."""
        return ()

    def compressed(self, spectra: Measurement) -> CompressedSpectra:
        """The measured map, made as small as it gets without loss (once for a fit)."""
        source = rising(spectra)
        wavenumbers(source)
        sigma, _ = stated_noise(source)
        return compress(source.values, sigma)

    def concentrations(
        self, populations: Populations, conditions: Conditions, names: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Concentrations (N, n'), their derivatives (N, K, n') in `names`, and in temperature (N, n')."""
        x = populations.x
        slopes = np.zeros((x.shape[0], len(names), x.shape[1]))
        slopes[:, [names.index(name) for name in populations.parameter_names]] = populations.x_theta
        tau = (np.asarray(conditions.temperature) - self.reference_temperature) / 100.0
        powers = [tau**k for k in range(self.drift + 1)]
        by_t = [k * tau ** max(k - 1, 0) / 100.0 for k in range(self.drift + 1)]
        c = np.concatenate([x * p[:, None] for p in powers], axis=1)
        d = np.concatenate([slopes * p[:, None, None] for p in powers], axis=2)
        t = np.concatenate(
            [populations.x_t * p[:, None] + x * q[:, None] for p, q in zip(powers, by_t, strict=True)], axis=1
        )
        return c, d, t

    def residuals(
        self, data: CompressedSpectra, populations: Populations, conditions: Conditions, names: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weighted residuals with the spectra eliminated.

        Returns
        -------
        residuals : ndarray (R,)
            Data minus model; their sum of squares is that of the whole map.
        jacobian : ndarray (R, K)
            In the K parameters `names`, SI.
        by_temperature : ndarray (R,)
            For a common shift of all temperatures.

        Raises
        ------
        ArithmeticError
            Where a state is nowhere populated, so that its spectrum is not determined.
        """
        c, d, t = self.concentrations(populations, conditions, names)
        residuals, jacobian = projected_block(data, c, np.concatenate([d, t[:, None, :]], axis=1))
        return residuals, jacobian[:, :-1], jacobian[:, -1]
