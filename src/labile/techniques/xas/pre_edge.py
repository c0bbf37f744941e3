"""Peaks before an absorption edge on the edge's own rise, with exact derivatives.

    f(E) = offset + slope (E - E_m) + sum_k h_k P[(E - E_k)/w_k] + sum_e h_e Q[(E - E_e)/w_e]

P is a line of height 1 and FWHM 1, E_m the middle of the fitted window. Q is the rising edge: the same 50:50 line with
its own width (the low-energy tail of a line in the edge), or a step whose derivative is a line of FWHM w_e:
``"arctan"`` (Lorentzian), ``"erf"`` (Gaussian), ``"cumulative"`` (50:50 by area).

``"edgfit50"``, the default, is the pseudo-Voigt line with equal heights of a Lorentzian and a Gaussian of one FWHM:
what SSRL's EDG_FIT users mean by "a fixed 50:50 ratio", also where they call it Pearson VII, which has an exponent and
no such ratio (T. E. Westre et al., doi:10.1021/ja964352a). Its area is 1.317632 h w.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from labile.core.parameters import Parameter, Parameters, Prior, Tie
from labile.fitting.line_shapes import SIGMA_OF_FWHM, gaussian, lorentzian, pearson_vii, pseudo_voigt, voigt
from labile.techniques.xas.absorption import EV, XasError

SHAPE_NAMES = {
    "edgfit50": "",
    "pseudo_voigt": "lorentzian_share",
    "pearson_vii": "exponent",
    "voigt": "lorentzian_share",
    "gauss": "",
    "lorentz": "",
}
"""Line shapes and the parameter that each has beside height, position and width."""
SHAPES = {"pseudo_voigt": 0.5, "pearson_vii": 1.73, "voigt": 0.5}
"""Shape parameters unless given; the exponent is that of the Pearson VII line nearest to ``"edgfit50"``."""
EDGES = ("pseudo_voigt", "arctan", "erf", "cumulative")
NARROWEST, BROADEST = 0.5 * EV, 4.0 * EV
"""J: FWHM that a peak may have; a 1s core hole alone makes 1 eV of it, half of that where emission is resolved."""
EDGE_REACH = 40.0 * EV
"""J above the window where the centre of the rising edge may lie."""
EDGE_BELOW = 8.0 * EV
"""J below a known edge energy down to which it may lie."""
HIGHEST_EDGE = 5.0
"""Height of a rising edge relative to the edge step; white lines stay below it."""
EDGE_SPREAD = 4.0 * EV
"""J: sigma of the weak prior of its position."""


class Profile(NamedTuple):
    """A line of height 1 at its centre, with partial derivatives."""

    value: np.ndarray
    d_centre: np.ndarray
    d_fwhm: np.ndarray
    d_shape: np.ndarray | None


def _voigt_parts(share: float) -> tuple[float, float, float]:
    """Lorentzian FWHM and Gaussian sigma of a Voigt line of FWHM 1 (Olivero and Longbothum), d sigma/d share."""
    # doi:10.1016/0022-4073(77)90161-3, good to 0.02 % of the FWHM
    inner = 1.0 - 0.5346 * share
    square = inner * inner - 0.2166 * share * share
    root = math.sqrt(square)
    return share, root * SIGMA_OF_FWHM, (-0.5346 * inner - 0.2166 * share) / root * SIGMA_OF_FWHM


def _unit_area(lineshape: str, x: np.ndarray, centre: object, fwhm: object, shape: float):
    """Line of unit area and its derivative in the shape parameter."""
    if lineshape in ("edgfit50", "pseudo_voigt"):
        line = pseudo_voigt(x, centre, fwhm, 0.5 if lineshape == "edgfit50" else shape)
        return line, line.d_shape
    if lineshape == "pearson_vii":
        line = pearson_vii(x, centre, fwhm, shape)
        return line, line.d_shape
    if lineshape == "voigt":
        lorentz, sigma, d_sigma = _voigt_parts(shape)
        line = voigt(x, centre, lorentz * np.asarray(fwhm), sigma * np.asarray(fwhm))
        assert line.d_shape is not None
        return line, (line.d_width + line.d_shape * d_sigma) * np.asarray(fwhm)
    if lineshape == "gauss":
        return gaussian(x, centre, np.asarray(fwhm) * SIGMA_OF_FWHM), None
    return lorentzian(x, centre, fwhm), None


@lru_cache(maxsize=256)
def _top(lineshape: str, shape: float) -> tuple[float, float]:
    """Height of the line of unit area and FWHM 1, and its derivative in the shape parameter."""
    line, d_shape = _unit_area(lineshape, np.zeros(1), 0.0, 1.0, shape)
    return float(line.value[0]), 0.0 if d_shape is None else float(d_shape[0])


def require_shape(lineshape: str, shape: float) -> None:
    """Refuse unknown line shapes and shape parameters that make no line.

    Raises
    ------
    XasError
    """
    if lineshape not in SHAPE_NAMES:
        raise XasError(f"pre-edge: unknown line shape {lineshape!r}; use one of {', '.join(SHAPE_NAMES)}")
    if lineshape == "pearson_vii" and not (shape > 0.5 and math.isfinite(shape)):
        raise XasError(
            f"pre-edge: the exponent m of a Pearson VII line must be above 1/2, found {shape:g}: its area is infinite"
            " there. m = 1 is a Lorentzian, large m a Gaussian"
        )
    if lineshape == "pseudo_voigt" and not 0 <= shape <= 1:
        raise XasError(f"pre-edge: the Lorentzian share of a pseudo-Voigt line must lie in [0, 1], found {shape:g}")
    if lineshape == "voigt" and not 0 < shape < 1:
        raise XasError(
            f"pre-edge: the Lorentzian share of a Voigt line's width must lie between 0 and 1, found {shape:g}; the"
            " ends are the line shapes 'gauss' and 'lorentz'"
        )


def area_factor(lineshape: str = "edgfit50", shape: float | None = None) -> float:
    """Area of a line over height times FWHM.

    Parameters
    ----------
    lineshape : {"edgfit50", "pseudo_voigt", "pearson_vii", "voigt", "gauss", "lorentz"}
    shape : float, optional
        Lorentzian share of the height (pseudo-Voigt) or of the width (Voigt, as in `profile`), or the exponent m
        (Pearson VII).

    Raises
    ------
    XasError
        For an unknown line shape, or m of at most 1/2, where the area is infinite.

    Examples
    --------
    >>> round(area_factor(), 6), round(area_factor("pearson_vii", 2.0), 6)
    (1.317632, 1.220331)
    """
    shape = SHAPES.get(lineshape, 0.0) if shape is None else shape
    require_shape(lineshape, shape)
    return 1.0 / _top(lineshape, shape)[0]


def profile(x: np.ndarray, centre: object, fwhm: object, lineshape: str = "edgfit50", shape: float = 0.0) -> Profile:
    """Lines of height 1 with their derivatives.

    Parameters
    ----------
    x : ndarray (M,)
    centre, fwhm : array_like
        In the unit of x; shape (L, 1) gives L lines.
    lineshape : str
        See `area_factor`.
    shape : float
        Its shape parameter. The FWHM of a Voigt line is held by the formula of Olivero and Longbothum, to 0.02 %.

    Examples
    --------
    >>> profile(np.array([0.0, 0.6]), 0.0, 1.2).value.round(12).tolist()
    [1.0, 0.5]
    """
    top, d_top = _top(lineshape, shape)
    line, d_shape = _unit_area(lineshape, x, centre, fwhm, shape)
    width = np.asarray(fwhm, dtype=float)
    scale = width / top
    value = line.value * scale
    d_centre = line.d_centre * scale
    # a function of (x - centre)/fwhm alone
    return Profile(
        value,
        d_centre,
        d_centre * ((x - centre) / width),
        None if d_shape is None else d_shape * scale - value * (d_top / top),
    )


def rising_edge(kind: str, x: np.ndarray, centre: float, fwhm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rising edge of height 1, with derivatives in centre and FWHM."""
    from scipy.special import erf

    if kind == "pseudo_voigt":
        line = profile(x, centre, fwhm)
        return line.value, line.d_centre, line.d_fwhm
    u = (x - centre) / fwhm
    value, density = np.zeros(x.shape), np.zeros(x.shape)
    lorentz = {"arctan": 1.0, "erf": 0.0, "cumulative": 0.5}[kind]
    if lorentz:
        value += lorentz * (0.5 + np.arctan(2.0 * u) / math.pi)
        density += lorentz * lorentzian(x, centre, fwhm).value
    if lorentz < 1.0:
        value += (1.0 - lorentz) * 0.5 * (1.0 + erf(u / (math.sqrt(2.0) * SIGMA_OF_FWHM)))
        density += (1.0 - lorentz) * gaussian(x, centre, fwhm * SIGMA_OF_FWHM).value
    return value, -density, -u * density


@dataclass(frozen=True)
class Peak:
    """One pre-edge peak: name and start values.

    Attributes
    ----------
    name : str
    energy : float
        J.
    fwhm : float
        J.
    height : float
        Of the normalised absorption.
    """

    name: str
    energy: float
    fwhm: float = 1.2 * EV
    height: float = 0.03


@dataclass(frozen=True)
class PreEdgeModel:
    """Peaks, rising edge and background of one spectrum.

    Attributes
    ----------
    peaks : tuple of Peak
    lineshape : str
        Of all peaks; see `area_factor`.
    shape : float or None
        Its parameter, fixed unless `changes` of a fit free ``peaks.exponent`` or ``peaks.lorentzian_share``.
    edge : tuple of str
        Members of `EDGES`, none, one or several.
    slope : bool
        Whether the background has a slope beside its offset.
    share_width : bool
        One FWHM for all peaks, that of the first.
    narrowest : float
        J: least FWHM of a peak. In absorption the 1s hole of iron makes 1.2 eV of it.

    Raises
    ------
    XasError
        For names given twice, unknown shapes, or an exponent of at most 1/2.

    Examples
    --------
    >>> PreEdgeModel((Peak("t2g", 7112.8 * EV), Peak("eg", 7114.1 * EV))).edge
    ('pseudo_voigt',)
    """

    peaks: tuple[Peak, ...] = ()
    lineshape: str = "edgfit50"
    shape: float | None = None
    edge: tuple[str, ...] = ("pseudo_voigt",)
    slope: bool = True
    share_width: bool = False
    narrowest: float = NARROWEST

    def __post_init__(self) -> None:
        object.__setattr__(self, "peaks", tuple(self.peaks))
        object.__setattr__(self, "edge", (self.edge,) if isinstance(self.edge, str) else tuple(self.edge))
        shape = SHAPES.get(self.lineshape, 0.0) if self.shape is None else float(self.shape)
        object.__setattr__(self, "shape", shape)
        require_shape(self.lineshape, shape)
        if not 0 < self.narrowest < BROADEST:
            raise XasError(
                f"pre-edge: narrowest must lie between 0 and {BROADEST / EV:g} eV, found {self.narrowest / EV:g} eV;"
                " give it in J"
            )
        for kind in self.edge:
            if kind not in EDGES:
                raise XasError(f"pre-edge: unknown rising edge {kind!r}; use some of {', '.join(EDGES)}")
        names = self.names
        if len({*names, *self.edge_names, "background", "peaks"}) < len(names) + len(self.edge) + 2:
            raise XasError(f"pre-edge: names of peaks must differ and not be those of the edge, found {names}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the peaks."""
        return tuple(peak.name for peak in self.peaks)

    @property
    def edge_names(self) -> tuple[str, ...]:
        """Names of the parts of the rising edge: ``edge``, ``edge2`` and so on."""
        return tuple("edge" if i == 0 else f"edge{i + 1}" for i in range(len(self.edge)))

    @property
    def shape_name(self) -> str:
        """Name of the shape parameter, empty where there is none."""
        name = SHAPE_NAMES[self.lineshape]
        return f"peaks.{name}" if name else ""

    def parameters(self, window: tuple[float, float], edge_energy: float = math.nan) -> Parameters:
        """All parameters with start values and bounds, SI: three a peak, three an edge, background, shape.

        The rising edge is seen by its tail, which hardly tells its width from its height and distance. It has weak
        priors, so that these stay what an edge can be: position `EDGE_SPREAD` around the edge energy (or around 5 eV
        above the window), FWHM 5(3) eV.

        Parameters
        ----------
        window : tuple of float
            Fitted range, J.
        edge_energy : float
            J; NaN where it is not known.

        Raises
        ------
        XasError
            If a peak starts outside the window.
        """
        low, high = window
        found: list[Parameter] = []
        for peak in self.peaks:
            if not low < peak.energy < high:
                hint = "; give energies in J (7112.8 * EV)" if peak.energy > 1.0 else ""
                shown = peak.energy if peak.energy > 1.0 else peak.energy / EV
                raise XasError(
                    f"pre-edge: peak {peak.name!r} at {shown:.6g} eV lies outside the window {low / EV:.2f} to"
                    f" {high / EV:.2f} eV{hint}"
                )
            if not self.narrowest <= peak.fwhm <= BROADEST or not peak.height >= 0:
                raise XasError(
                    f"pre-edge: peak {peak.name!r} needs a FWHM of {self.narrowest / EV:g} to {BROADEST / EV:g} eV and"
                    f" a height of at least 0, found {peak.fwhm / EV:g} eV and {peak.height:g}"
                )
            first = self.peaks[0]
            tie = Tie(f"{first.name}.fwhm") if self.share_width and peak is not first else None
            found += [
                Parameter(f"{peak.name}.energy", peak.energy, "eV", low, high),
                Parameter(f"{peak.name}.fwhm", peak.fwhm, "eV", self.narrowest, BROADEST, tie=tie),
                Parameter(f"{peak.name}.height", peak.height, "1", 0.0, 10.0),
            ]
        for number, name in enumerate(self.edge_names):
            # a step far below the edge energy would be a shoulder, not the edge
            lowest = max(low, edge_energy - EDGE_BELOW) if low < edge_energy < high + EDGE_REACH else low
            at = (edge_energy if low < edge_energy < high + EDGE_REACH else high + 5.0 * EV) + 5.0 * number * EV
            found += [
                Parameter(
                    f"{name}.energy", at, "eV", lowest, high + EDGE_REACH, Prior(at, EDGE_SPREAD),
                    source="weak prior: near the edge energy",
                ),
                Parameter(
                    f"{name}.fwhm", 5.0 * EV, "eV", NARROWEST, 60.0 * EV, Prior(5.0 * EV, 3.0 * EV),
                    source="weak prior: as wide as edges are",
                ),
                Parameter(f"{name}.height", 0.5, "1", 0.0, HIGHEST_EDGE),
            ]  # fmt: skip
        found.append(Parameter("background.offset", 0.0, "1", -10.0, 10.0))
        found.append(
            Parameter(
                "background.slope", 0.0, "1/eV", -1.0 / EV, 1.0 / EV, fixed=not self.slope,
                source="" if self.slope else "no slope",
            )
        )  # fmt: skip
        if self.shape_name:
            assert self.shape is not None
            lower, upper = {"pearson_vii": (0.51, 200.0), "pseudo_voigt": (0.0, 1.0), "voigt": (1e-3, 0.999)}[
                self.lineshape
            ]
            found.append(Parameter(self.shape_name, self.shape, "1", lower, upper, fixed=True, source="assumed"))
        return Parameters(tuple(found))

    def evaluate(self, energy: np.ndarray, values: np.ndarray, middle: float) -> tuple[np.ndarray, np.ndarray]:
        """Absorption and its Jacobian in all parameters.

        Parameters
        ----------
        energy : ndarray (M,)
            J.
        values : ndarray (P,)
            All parameters in the order of `parameters`, SI.
        middle : float
            J: where the slope of the background adds nothing.

        Returns
        -------
        curve : ndarray (M,)
        jacobian : ndarray (M, P)
        """
        n = 3 * len(self.peaks)
        curve, columns = self._peaks(energy, values)
        jacobian = np.empty((energy.size, values.size))
        jacobian[:, :n] = columns[:, :n]
        if self.shape_name:
            jacobian[:, -1] = columns[:, n]
        for number, kind in enumerate(self.edge):
            at = n + 3 * number
            centre, fwhm, height = values[at : at + 3]
            step, d_centre, d_fwhm = rising_edge(kind, energy, centre, fwhm)
            curve += height * step
            jacobian[:, at] = height * d_centre
            jacobian[:, at + 1] = height * d_fwhm
            jacobian[:, at + 2] = step
        at = n + 3 * len(self.edge)
        distance = energy - middle
        curve += values[at] + values[at + 1] * distance
        jacobian[:, at] = 1.0
        jacobian[:, at + 1] = distance
        return curve, jacobian

    def _peaks(self, energy: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sum of the peaks (M,) and its derivatives (M, 3 L + 1), the last in the shape parameter."""
        count = len(self.peaks)
        columns = np.zeros((energy.size, 3 * count + 1))
        if not count:
            return np.zeros(energy.size), columns
        triples = values[: 3 * count].reshape(count, 3)
        height = triples[:, 2:]
        shape = float(values[-1]) if self.shape_name else 0.0
        line = profile(energy, triples[:, :1], triples[:, 1:2], self.lineshape, shape)
        columns[:, 0:-1:3] = (height * line.d_centre).T
        columns[:, 1:-1:3] = (height * line.d_fwhm).T
        columns[:, 2:-1:3] = line.value.T
        if line.d_shape is not None and self.shape_name:
            columns[:, -1] = height[:, 0] @ line.d_shape
        return height[:, 0] @ line.value, columns

    def peaks_alone(self, energy: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sum of the peaks without edge and background, and its Jacobian in all parameters (as `evaluate`)."""
        curve, columns = self._peaks(energy, values)
        jacobian = np.zeros((energy.size, values.size))
        n = 3 * len(self.peaks)
        jacobian[:, :n] = columns[:, :n]
        if self.shape_name:
            jacobian[:, -1] = columns[:, n]
        return curve, jacobian

    def each_peak(self, energy: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
        """Every peak alone, (M,) each."""
        shape = float(values[-1]) if self.shape_name else 0.0
        return {
            name: values[3 * k + 2] * profile(energy, values[3 * k], values[3 * k + 1], self.lineshape, shape).value
            for k, name in enumerate(self.names)
        }

    def peak_areas(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Areas of the peaks over all energies (L,), J, and their derivatives in all parameters (L, P)."""
        count = len(self.peaks)
        triples = values[: 3 * count].reshape(count, 3)
        shape = float(values[-1]) if self.shape_name else 0.0
        top, d_top = _top(self.lineshape, shape)
        area = triples[:, 1] * triples[:, 2] / top
        slopes = np.zeros((count, values.size))
        for k in range(count):
            slopes[k, 3 * k + 1] = triples[k, 2] / top
            slopes[k, 3 * k + 2] = triples[k, 1] / top
        if self.shape_name:
            slopes[:, -1] = -area * d_top / top
        return area, slopes


def equivalent_exponent(reach: float = 6.0, points: int = 2401) -> tuple[float, float, float]:
    """Exponent, height and FWHM of the Pearson VII line nearest to the 50:50 line of height and FWHM 1.

    Parameters
    ----------
    reach : float
        Half the range of the least-squares comparison in FWHM.
    points : int
        Of an even grid.

    Examples
    --------
    >>> [round(value, 3) for value in equivalent_exponent()]
    [1.73, 1.008, 0.976]
    """
    from labile.fitting.least_squares import fit
    from labile.fitting.problem import Block, Problem

    x = np.linspace(-reach, reach, points)
    target = profile(x, 0.0, 1.0).value
    start = Parameters(
        (
            Parameter("line.exponent", 2.0, lower=0.51, upper=200.0),
            Parameter("line.height", 1.0, lower=0.0, upper=2.0),
            Parameter("line.fwhm", 1.0, lower=0.1, upper=3.0),
        )
    )

    def evaluate(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        line = profile(x, 0.0, v[2], "pearson_vii", float(v[0]))
        assert line.d_shape is not None
        return v[1] * line.value - target, np.column_stack([v[1] * line.d_shape, line.value, v[1] * line.d_fwhm])

    found = fit(Problem(start, evaluate, (Block("line", x.size),)))
    exponent, height, fwhm = found.parameters.vector.tolist()
    return exponent, height, fwhm


def ordered(peaks: Sequence[Peak]) -> tuple[Peak, ...]:
    """Peaks by energy, renamed ``P1``, ``P2``, ... from below."""
    rising = sorted(peaks, key=lambda peak: peak.energy)
    return tuple(Peak(f"P{k + 1}", p.energy, p.fwhm, p.height) for k, p in enumerate(rising))
