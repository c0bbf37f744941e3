"""The outcome of a fit: never mutated, never plots itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from labile.core.parameters import Parameter, Parameters, Prior, Tie
from labile.core.uncertain import format_uncertain
from labile.core.units import from_si, scale_to_si, shown_unit
from labile.fitting.covariance import determine
from labile.fitting.problem import Block


class FitStatus(Enum):
    """How a fit ended; the value is the sentence for people."""

    CONVERGED = "converged"
    STALLED = "no further decrease is possible at machine precision, but the gradient is not zero"
    MAX_ITERATIONS = "stopped at the iteration limit before converging"
    FAILED = "the model could not be evaluated at the start values"


def _plain(value: Any) -> Any:
    """A JSON value: arrays become lists, non-finite floats their names."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _array(value: Any) -> np.ndarray:
    return np.array(value, dtype=float)


def _parameter(stored: Mapping[str, Any]) -> Parameter:
    fields = dict(stored)
    for key in ("value", "lower", "upper"):
        fields[key] = float(fields[key])
    fields["prior"] = Prior(**fields["prior"]) if fields["prior"] else None
    fields["tie"] = Tie(**fields["tie"]) if fields["tie"] else None
    return Parameter(**fields)


@dataclass(frozen=True, eq=False)
class FitResult:
    """Values, covariance and residuals of a least-squares fit.

    Attributes
    ----------
    parameters : Parameters
        At the solution.
    covariance : ndarray (F, F)
        Of the free parameters, SI: (J^T J)^-1, not scaled by chi2. A parameter that the data do not determine has
        infinite variance and NaN covariances (see `undetermined`); one on a bound is held there: its row and
        column are 0 and the others are conditional on it.
    chi2 : float
        Sum of squared residuals, priors included.
    residuals : ndarray (R,)
    jacobian : ndarray (R, F)
    blocks : tuple of Block
    status : FitStatus
    iterations, evaluations : int
    at_bound : tuple of str
        Free parameters that ended on a bound.
    undetermined : tuple of str
        Free parameters without a finite variance.
    starts : tuple of float
        chi2 reached from each start, best first.
    citations : tuple of str
        BibTeX keys of the methods used.
    notes : tuple of str
        Sentences about what happened on the way: refused steps, starts that failed.
    """

    parameters: Parameters
    covariance: np.ndarray
    chi2: float
    residuals: np.ndarray
    jacobian: np.ndarray
    blocks: tuple[Block, ...]
    status: FitStatus
    iterations: int = 0
    evaluations: int = 0
    at_bound: tuple[str, ...] = ()
    undetermined: tuple[str, ...] = ()
    starts: tuple[float, ...] = ()
    citations: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether the minimum was reached."""
        return self.status is FitStatus.CONVERGED

    @property
    def message(self) -> str:
        """One sentence about how the fit ended."""
        text = self.status.value
        if self.at_bound:
            text += f"; on a bound: {', '.join(self.at_bound)}"
        if self.undetermined:
            text += f"; not determined by the data: {', '.join(self.undetermined)}"
        return text

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the F free parameters."""
        return self.parameters.free_names

    @property
    def sigma(self) -> np.ndarray:
        """Standard uncertainties of the free parameters, SI."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def correlation(self) -> np.ndarray:
        """Correlation matrix of the free parameters; NaN where a variance is infinite or zero."""
        sigma = self.sigma
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.clip(self.covariance / np.outer(sigma, sigma), -1.0, 1.0))

    @property
    def n_data(self) -> int:
        """Number of data residuals (priors not counted)."""
        return sum(block.count for block in self.blocks if block.kind != "prior")

    @property
    def n_free(self) -> int:
        """Number of free parameters."""
        return len(self.free_names)

    @property
    def degrees_of_freedom(self) -> int:
        """Residuals, priors included, minus free parameters."""
        return sum(block.count for block in self.blocks) - self.n_free

    @property
    def bic(self) -> float:
        """Bayesian information criterion chi2 + k ln N (noise known)."""
        return self.chi2 + self.n_free * math.log(max(self.n_data, 1))

    @property
    def aicc(self) -> float | None:
        """Corrected Akaike criterion chi2 + 2k + 2k(k+1)/(N-k-1); None unless N > k + 1."""
        k, n = self.n_free, self.n_data
        return None if n <= k + 1 else self.chi2 + 2 * k + 2 * k * (k + 1) / (n - k - 1)

    def by_block(self) -> Mapping[str, np.ndarray]:
        """Weighted residuals of each block by name."""
        out: dict[str, np.ndarray] = {}
        position = 0
        for block in self.blocks:
            out[block.name] = self.residuals[position : position + block.size]
            position += block.size
        return out

    def value(self, name: str) -> float:
        """Value of any parameter, SI."""
        return float(self.parameters.values[self.parameters.index(name)])

    def sigma_of(self, name: str) -> float:
        """Standard uncertainty of any parameter (0 for a fixed one, propagated for a tied one), SI."""
        row = self.parameters.matrix[self.parameters.index(name)]
        if not np.any(row):
            return 0.0
        used = row != 0
        return float(np.sqrt(row[used] @ self.covariance[np.ix_(used, used)] @ row[used]))

    def propagate(self, gradient: np.ndarray) -> Any:
        """Standard uncertainty of derived quantities with these gradients in the free parameters.

        Exact also where single parameters are not determined: a combination that the data do determine gets its
        finite value, any other an infinite one. Parameters on a bound count as held there.

        Parameters
        ----------
        gradient : ndarray (F,) or (..., F)

        Returns
        -------
        float or ndarray (...)
        """
        gradient = np.asarray(gradient, dtype=float)
        moving = np.array([name not in self.at_bound for name in self.free_names], dtype=bool)
        if self.status is FitStatus.FAILED:
            sigma = np.full(gradient.shape[:-1], np.nan)
        elif any(block.stands_for is not None for block in self.blocks) and np.isfinite(self.covariance).all():
            # the Jacobian of eliminated spectra holds their noise, which was taken out of the covariance
            inside = self.covariance[np.ix_(moving, moving)]
            chosen = gradient[..., moving]
            sigma = np.sqrt(np.maximum(np.einsum("...i,ij,...j->...", chosen, inside, chosen), 0.0))
        else:
            sigma = np.sqrt(determine(self.jacobian[:, moving]).variance(gradient[..., moving]))
        return float(sigma) if sigma.ndim == 0 else sigma

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, texts, lists and mappings for JSON; non-finite numbers become "nan", "inf", "-inf".

        Returns
        -------
        dict
        """
        return {
            "parameters": [{k: _plain(v) for k, v in asdict(p).items()} for p in self.parameters],
            "covariance": _plain(self.covariance),
            "chi2": _plain(self.chi2),
            "residuals": _plain(self.residuals),
            "jacobian": _plain(self.jacobian),
            "blocks": [asdict(block) for block in self.blocks],
            "status": self.status.name,
            "iterations": self.iterations,
            "evaluations": self.evaluations,
            "at_bound": list(self.at_bound),
            "undetermined": list(self.undetermined),
            "starts": _plain(self.starts),
            "citations": list(self.citations),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FitResult:
        """Rebuild a result from `to_dict`.

        Raises
        ------
        ValueError
            If a key is missing or malformed; the message names it.
        """
        try:
            parameters = Parameters(tuple(_parameter(p) for p in data["parameters"]))
            residuals = _array(data["residuals"])
            count = len(parameters.free_names)
            return cls(
                parameters=parameters,
                covariance=_array(data["covariance"]).reshape(count, count),
                chi2=float(data["chi2"]),
                residuals=residuals,
                jacobian=_array(data["jacobian"]).reshape(residuals.size, count),
                blocks=tuple(Block(**block) for block in data["blocks"]),
                status=FitStatus[data["status"]],
                iterations=int(data["iterations"]),
                evaluations=int(data["evaluations"]),
                starts=tuple(float(chi2) for chi2 in data["starts"]),
                **{k: tuple(data[k]) for k in ("at_bound", "undetermined", "citations", "notes")},
            )
        except KeyError as error:
            raise ValueError(f"a stored fit result lacks or misnames {error}; store it again with to_dict") from error

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of name, value with s.u. in the parameter's unit, and role (free, fixed, tied)."""
        rows = []
        for p, value in zip(self.parameters, self.parameters.values, strict=True):
            sigma = self.sigma_of(p.name)
            shown = format_uncertain(
                float(from_si(float(value), p.unit, p.quantity)) if p.unit else float(value),
                sigma / scale_to_si(p.unit, p.quantity) if p.unit else sigma,
            )
            role = "fixed" if p.fixed else f"tied to {p.tie.to}" if p.tie else "free"
            rows.append((p.name, f"{shown} {shown_unit(p.unit, p.quantity) if p.unit else ''}".strip(), role))
        return rows

    def __repr__(self) -> str:
        head = f"<FitResult: chi2 {self.chi2:.4g}, {self.n_data} data, {self.n_free} free, {self.message}>"
        return "\n".join([head, *(f"  {n:32s} {v:>24s}  {r}" for n, v, r in self.table())])

    def _repr_html_(self) -> str:
        import html

        rows = "".join(
            f"<tr><td>{html.escape(n)}</td><td>{html.escape(v)}</td><td>{html.escape(r)}</td></tr>"
            for n, v, r in self.table()
        )
        caption = html.escape(f"chi2 {self.chi2:.4g}, {self.n_data} data, {self.n_free} free: {self.message}")
        return (
            f"<table><caption>{caption}</caption><tr><th>parameter</th><th>value</th><th>role</th></tr>{rows}</table>"
        )
