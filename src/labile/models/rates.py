"""Rate processes between the states of a model, and the kinetic model they form with its free energy.

A reversible thermal process a -> b has the rate

    k_ab = k_tunnel exp(s_t p + alpha_t (1 - x_a)) + A exp{-[Ea + p V# + beta (F(x) - F(pure a))]/RT}
    k_ba = k_ab exp(D/RT),    D = nu_b - nu_a,    nu_i = g_i + sum_j W_ij x_j,    F = the part of D that W makes

so that both rates are those of one free energy at the populations of the moment (detailed balance). For two states with
Gamma n (1 - n), beta (F - F(pure a)) = -2 beta Gamma (1 - n): Hauser's exp[alpha (1 - n)] with alpha = 2 beta Gamma/RT.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from labile.core.conditions import LightSource
from labile.core.constants import AMBIENT_PRESSURE, GAS_CONSTANT
from labile.core.parameters import Parameter, ParameterError, Parameters
from labile.models.free_energy import DOMAIN_SIZE, Model
from labile.models.kinetics_kernels import THERMAL_COLUMNS
from labile.models.light import DESTROYED, Absorption, LaserHeating, LightError, absorption_of, is_x_ray

CONDUCTANCE = "crystal.thermal_conductance"
"""Name of the heat conductance between crystal and cryostat, W/K."""
BALANCE = 1e-6
"""Largest deviation of ln(k_ab/k_ba) from detailed balance that two independent rates may have."""


class KineticsError(ValueError):
    """Rates that contradict each other or the free energy, or processes between states that do not exist."""


def _pair(states: Sequence[str], start: str, end: str, upward: bool) -> tuple[str, str]:
    """Prefix of the parameters in declared order, and ``"reverse_"`` for the direction that is not the usual one."""
    a, b = states.index(start), states.index(end)
    prefix = f"{start}-{end}" if a < b else f"{end}-{start}"
    return prefix, "" if (a < b) == upward else "reverse_"


@dataclass(frozen=True)
class ThermalProcess:
    """Thermally activated relaxation with a tunnelling plateau, start -> end.

    Parameters are ``<a>-<b>.<quantity>`` with the states in declared order; a process from the earlier to the later
    state (usually uphill) has ``reverse_`` before the quantity.

    Attributes
    ----------
    start, end : str
        States; the rate at a crystal of pure `start` is the one that the parameters describe.
    one_way : bool
        No way back: the law is not that of a free energy, and `KineticModel.assumptions` says so.
    freed : bool
        The exponent of self-acceleration is a parameter, alpha = ``acceleration_energy``/RT, instead of the
        interaction's 2 beta Gamma/RT.
    """

    start: str
    end: str
    one_way: bool = False
    freed: bool = False

    def names(self, states: Sequence[str]) -> dict[str, str]:
        """Full parameter names by quantity."""
        prefix, reverse = _pair(states, self.start, self.end, upward=False)
        quantities = ["prefactor", "activation_energy", "activation_volume", "tunnelling_rate"]
        quantities += ["tunnelling_pressure_slope", "tunnelling_acceleration"]
        quantities.append("acceleration_energy" if self.freed else "transfer_coefficient")
        return {quantity: f"{prefix}.{reverse}{quantity}" for quantity in quantities}

    def parameters(self, states: Sequence[str]) -> tuple[Parameter, ...]:
        """Prefactor and activation energy to be given; the rest 0 (transfer coefficient 1/2) and fixed."""
        names = self.names(states)
        usual = {
            "prefactor": Parameter(names["prefactor"], lower=0.0),
            "activation_energy": Parameter(names["activation_energy"]),
            "activation_volume": Parameter(names["activation_volume"], 0.0, fixed=True),
            "tunnelling_rate": Parameter(names["tunnelling_rate"], 0.0, lower=0.0, fixed=True),
            "tunnelling_pressure_slope": Parameter(names["tunnelling_pressure_slope"], 0.0, fixed=True),
            "tunnelling_acceleration": Parameter(names["tunnelling_acceleration"], 0.0, fixed=True),
        }
        if self.freed:
            usual["acceleration_energy"] = Parameter(names["acceleration_energy"])
        else:
            coefficient = names["transfer_coefficient"]
            usual["transfer_coefficient"] = Parameter(coefficient, 0.5, lower=0.0, upper=1.0, fixed=True)
        return tuple(usual.values())

    def row(self, states: Sequence[str], values: Mapping[str, float]) -> np.ndarray:
        """Row of numbers the compiled rates take."""
        v = {quantity: float(values[name]) for quantity, name in self.names(states).items()}
        for quantity in ("prefactor", "tunnelling_rate"):
            if v[quantity] < 0:
                raise KineticsError(f"{self.names(states)[quantity]}: a rate must be >= 0 s-1, found {v[quantity]:g}")
        beta = v.get("transfer_coefficient", 0.0)
        if not 0.0 <= beta <= 1.0:
            name = self.names(states)["transfer_coefficient"]
            raise KineticsError(f"{name}: must lie between 0 and 1, found {beta:g}")
        log_prefactor = math.log(v["prefactor"]) if v["prefactor"] > 0 else -math.inf
        row = np.array(
            [
                log_prefactor, v["activation_energy"], v["activation_volume"], v["tunnelling_rate"],
                v["tunnelling_pressure_slope"], v["tunnelling_acceleration"], beta, v.get("acceleration_energy", 0.0),
                0.0 if self.one_way else 1.0,
            ]
        )  # fmt: skip
        assert row.size == THERMAL_COLUMNS
        return row


@dataclass(frozen=True)
class PhotoProcess:
    """Conversion start -> end by light: k = quantum yield x cross section of `start` x photon flux.

    Answers to beams of 10 nm and longer. Parameter ``<a>-<b>.quantum_yield`` for the earlier to the later state
    (LIESST), ``reverse_quantum_yield`` for the other direction (reverse LIESST).
    """

    start: str
    end: str

    def parameter(self, states: Sequence[str]) -> Parameter:
        """Quantum yield, between 0 and 1."""
        prefix, reverse = _pair(states, self.start, self.end, upward=True)
        return Parameter(f"{prefix}.{reverse}quantum_yield", lower=0.0, upper=1.0)

    def answers(self, source: LightSource) -> bool:
        """Whether a beam drives this process."""
        return not is_x_ray(source)


@dataclass(frozen=True)
class XRayProcess:
    """Conversion start -> end by X-rays: k = sigma_abs x photon flux x switches per absorbed photon (may exceed 1).

    Answers to beams below 10 nm. Parameter ``<a>-<b>.switches_per_photon`` or ``reverse_switches_per_photon``.
    """

    start: str
    end: str

    def parameter(self, states: Sequence[str]) -> Parameter:
        """Switched units for each absorbed photon."""
        prefix, reverse = _pair(states, self.start, self.end, upward=True)
        return Parameter(f"{prefix}.{reverse}switches_per_photon", lower=0.0)

    def answers(self, source: LightSource) -> bool:
        """Whether a beam drives this process."""
        return is_x_ray(source)


@dataclass(frozen=True)
class RadiationDamage:
    """Irreversible loss of units of one state to X-rays, at sigma_abs x flux x ``<state>.destroyed_per_photon``.

    What is lost is carried as the fraction ``destroyed``; it takes no part in any other process or interaction.
    """

    start: str
    end: str = field(default=DESTROYED, init=False)

    def parameter(self, states: Sequence[str]) -> Parameter:
        """Units destroyed for each absorbed photon."""
        return Parameter(f"{self.start}.destroyed_per_photon", lower=0.0)

    def answers(self, source: LightSource) -> bool:
        """Whether a beam drives this process."""
        return is_x_ray(source)


Process = ThermalProcess | PhotoProcess | XRayProcess | RadiationDamage


@dataclass(frozen=True)
class KineticModel:
    """A free energy and the processes that move a crystal on it.

    Attributes
    ----------
    model : Model
        Domain size 1: a domain has no rate law that G alone defines.
    processes : tuple of Process
    absorptions : tuple of Absorption
        Cross sections of the states; needed where there is light.
    heating : LaserHeating or None

    Raises
    ------
    KineticsError
        For unknown states, a process given twice, or a model of domains.

    Examples
    --------
    >>> from labile.models.library import slichter_drickamer
    >>> kinetic = KineticModel(slichter_drickamer(), (ThermalProcess("HS", "LS"),))
    >>> [name for name in kinetic.parameters.names if "activation" in name or "prefactor" in name]
    ['LS-HS.prefactor', 'LS-HS.activation_energy', 'LS-HS.activation_volume']
    """

    model: Model
    processes: tuple[Process, ...]
    absorptions: tuple[Absorption, ...] = ()
    heating: LaserHeating | None = None
    _parameters: Parameters = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names, where = self.model.state_names, f"kinetics of {self.model.name}"
        object.__setattr__(self, "processes", tuple(self.processes))
        object.__setattr__(self, "absorptions", tuple(self.absorptions))
        if DESTROYED in names:
            raise KineticsError(f"{where}: {DESTROYED!r} is the name of the sink of radiation damage, not of a state")
        if not self.processes:
            raise KineticsError(f"{where}: no process; populations would never change")
        seen: set[tuple[object, ...]] = set()
        for process in self.processes:
            for state in (process.start, process.end):
                if state not in names and not (state == DESTROYED and isinstance(process, RadiationDamage)):
                    raise KineticsError(f"{where}: process names the state {state!r}; there are {', '.join(names)}")
            if process.start == process.end:
                raise KineticsError(f"{where}: a process leads from {process.start} to itself")
            key = (type(process), process.start, process.end)
            back = (type(process), process.end, process.start)
            if key in seen:
                raise KineticsError(
                    f"{where}: {type(process).__name__} {process.start} -> {process.end} is given twice"
                )
            if isinstance(process, ThermalProcess) and back in seen:
                other = next(p for p in self.thermal if (p.start, p.end) == (process.end, process.start))
                if not (process.one_way and other.one_way):
                    raise KineticsError(
                        f"{where}: {process.end} -> {process.start} is reversible, so its way back follows from"
                        f" detailed balance; remove {process.start} -> {process.end}, or declare both one_way"
                    )
            seen.add(key)
        for table in self.absorptions:
            if table.state not in (*names, "*", DESTROYED):
                raise KineticsError(f"{where}: absorption of {table.state!r}; there are {', '.join(names)} and '*'")
        object.__setattr__(self, "_parameters", self._assembled())

    def _assembled(self) -> Parameters:
        names = self.model.state_names
        items = list(self.model.parameters.items)
        for process in self.processes:
            items += process.parameters(names) if isinstance(process, ThermalProcess) else [process.parameter(names)]
        if self.heating is not None:
            items.append(Parameter(CONDUCTANCE, lower=1e-30))
        return Parameters(tuple(items))

    @property
    def thermal(self) -> tuple[ThermalProcess, ...]:
        """Thermal processes."""
        return tuple(p for p in self.processes if isinstance(p, ThermalProcess))

    @property
    def driven(self) -> tuple[PhotoProcess | XRayProcess | RadiationDamage, ...]:
        """Processes driven by beams."""
        return tuple(p for p in self.processes if not isinstance(p, ThermalProcess))

    @property
    def state_names(self) -> tuple[str, ...]:
        """States of the model."""
        return self.model.state_names

    @property
    def species(self) -> tuple[str, ...]:
        """States, and ``destroyed`` where there is radiation damage."""
        damaged = any(isinstance(p, RadiationDamage) for p in self.processes)
        return (*self.state_names, DESTROYED) if damaged else self.state_names

    @property
    def parameters(self) -> Parameters:
        """Parameters of the free energy and of all processes."""
        return self._parameters

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the reader of a report must know about these rates."""
        said = list(self.model.assumptions)
        said.append("rates depend on the mean populations of a layer (mean field): no nucleation, no domain walls")
        for p in self.thermal:
            arrow = f"{p.start} -> {p.end}"
            if p.one_way:
                said.append(f"{arrow} is one way: it does not lead to the equilibrium of the free energy")
            else:
                said.append(f"{arrow}: the way back follows from detailed balance of the free energy")
            law = "a free parameter" if p.freed else "tied to the interaction by the transfer coefficient"
            said.append(f"{arrow}: self-acceleration of the activated rate is {law}; that of tunnelling is its own")
        if DESTROYED in self.species:
            said.append("destroyed units take no part in interactions and absorb only where data say so")
        return tuple(said)

    def complete(self, values: Mapping[str, float]) -> dict[str, float]:
        """All values, defaults filled in.

        Raises
        ------
        ParameterError
            For a missing, unknown or not finite value.
        """
        known = self.parameters
        if unknown := sorted(set(values) - set(known.names)):
            raise ParameterError(
                f"kinetics of {self.model.name}: unknown parameter {unknown[0]}; there are {', '.join(known.names)}"
            )
        result = {p.name: float(values.get(p.name, p.value)) for p in known.items}
        for name, value in result.items():
            if not math.isfinite(value):
                given = "no value given" if name not in values else f"must be a finite number, found {value}"
                raise ParameterError(f"kinetics of {self.model.name}: {name}: {given}")
        if result.get(DOMAIN_SIZE, 1.0) != 1.0:
            raise KineticsError(
                f"kinetics of {self.model.name}: {DOMAIN_SIZE} is {result[DOMAIN_SIZE]:g}; G of domains does not define"
                " how single units relax. Set it to 1 and describe the width by interactions or a distribution"
            )
        for process in self.driven:
            parameter = process.parameter(self.state_names)
            if not parameter.lower <= result[parameter.name] <= parameter.upper:
                raise KineticsError(
                    f"{parameter.name}: must lie between {parameter.lower:g} and {parameter.upper:g}, found"
                    f" {result[parameter.name]:g}"
                )
        if self.heating is not None and not result[CONDUCTANCE] > 0:
            raise KineticsError(f"{CONDUCTANCE}: must be above 0 W/K, found {result[CONDUCTANCE]:g}")
        return result

    def light_rates(self, light: Sequence[LightSource], values: Mapping[str, float]) -> np.ndarray:
        """Rates of the driven processes at the surface under each beam, s-1, shape (Q, L).

        Raises
        ------
        LightError
            When a beam drives no process of the model, or a cross section is missing at its wavelength.
        """
        rates = np.zeros((len(self.driven), len(light)))
        for s, source in enumerate(light):
            if not any(process.answers(source) for process in self.driven) and self.heating is None:
                kind = "X-ray" if is_x_ray(source) else "light"
                raise LightError(
                    f"kinetics of {self.model.name}: no process answers to the {kind} beam of"
                    f" {source.wavelength * 1e9:g} nm; add one or leave the beam out"
                )
            for q, process in enumerate(self.driven):
                if process.answers(source):
                    sigma = absorption_of(self.absorptions, process.start, source.wavelength).at(source.wavelength)
                    rates[q, s] = sigma * source.photon_flux * values[process.parameter(self.state_names).name]
        return rates

    def indices(self) -> tuple[np.ndarray, np.ndarray]:
        """States of thermal (Q, 2) and driven (Q', 2) processes as columns of `species`."""
        species = self.species
        pairs = [[[species.index(p.start), species.index(p.end)] for p in kind] for kind in (self.thermal, self.driven)]
        thermal, driven = (np.array(pair, dtype=np.int64).reshape(-1, 2) for pair in pairs)
        return thermal, driven

    def thermal_rows(self, values: Mapping[str, float]) -> np.ndarray:
        """Numbers of the thermal processes, shape (Q, 9)."""
        rows = [process.row(self.state_names, values) for process in self.thermal]
        return np.array(rows).reshape(-1, THERMAL_COLUMNS)

    def opposed(self) -> tuple[tuple[int, int], ...]:
        """Pairs of independent one-way processes a -> b and b -> a, as rows of `thermal`."""
        ends = [(p.start, p.end) for p in self.thermal]
        return tuple(
            (i, ends.index(e[::-1])) for i, e in enumerate(ends) if e[::-1] in ends and i < ends.index(e[::-1])
        )


def require_balance(
    kinetic: KineticModel,
    temperature: np.ndarray,
    pressure: np.ndarray,
    g: np.ndarray,
    w: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Refuse independent forward and backward rates that are not those of the free energy.

    Parameters
    ----------
    kinetic : KineticModel
    temperature, pressure : ndarray (N,)
        K and Pa (absolute).
    g : ndarray (N, n)
    w : ndarray (N or 1, n, n)
    rows : ndarray (Q, 9)
        Of `KineticModel.thermal_rows`.

    Raises
    ------
    KineticsError
        Naming the pair, the ratio of rates that detailed balance asks for and the one found.
    """
    from labile.models.kinetics_kernels import thermal_rates

    n = g.shape[1]
    mixtures = [*np.eye(n), np.full(n, 1.0 / n)]
    thermal, _ = kinetic.indices()
    rates = np.empty(4)
    for i, j in kinetic.opposed():
        for k in range(len(temperature)):
            for x in mixtures:
                place = (temperature[k], pressure[k] - AMBIENT_PRESSURE, g[k], w[min(k, len(w) - 1)])
                a, b = thermal[i]
                _, drive = thermal_rates(x, *place, a, b, rows[i], rates)
                forward = rates[0] + rates[1]
                thermal_rates(x, *place, b, a, rows[j], rates)
                backward = rates[0] + rates[1]
                wanted = -drive / (GAS_CONSTANT * temperature[k])
                found = math.log(forward / backward) if forward > 0 and backward > 0 else math.inf
                if not abs(found - wanted) < BALANCE:
                    names = kinetic.thermal[i]
                    raise KineticsError(
                        f"kinetics of {kinetic.model.name}: the rates {names.start} -> {names.end} and back violate"
                        f" detailed balance at {temperature[k]:g} K: ln(forward/backward) is {found:.6g}, the free"
                        f" energy asks for {wanted:.6g}. Give one of them, reversible"
                    )
