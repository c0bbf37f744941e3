"""Bring a model to the observed jumps before anything else is fitted.

A hysteresis loop in the wrong place, or none at all, is a bad start: points lie on branches that do not exist there,
and a steep gradual curve is a local minimum of chi2. So the switching temperatures are fitted first, alone, with the
parameters pulled weakly to their start values; where the model switches gradually, its slope is driven to and past
the critical point. From there the full fit finds the loop.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labile.core.conditions import Conditions
from labile.core.parameters import Parameters
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem
from labile.inference.joint_problem import JointProblem
from labile.models.equilibrium import equilibrium
from labile.models.transitions import equilibrium_transition

PULL = 0.3
"""Relative width of the pull to the start values."""
BEYOND = 0.1
"""How far past the critical point (in units of 1/(T dn/dT)) a gradual model is driven."""


def start_at_jumps(joint: JointProblem, parameters: Parameters) -> Parameters:
    """Return start values at which the model jumps where the data do.

    Parameters
    ----------
    joint : JointProblem
        With at least one jump; otherwise `parameters` come back unchanged.
    parameters : Parameters
        Start values.

    Returns
    -------
    parameters : Parameters
    """
    jumps = [(o, j) for o, j in zip(joint.objectives, joint.jumps, strict=True) if j is not None]
    if not jumps:
        return parameters
    start = parameters.vector
    width = np.array(
        [p.prior.sigma if p.prior is not None else max(PULL * abs(p.value), 1e-12) for p in parameters.free]
    )

    def residuals(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = parameters.as_dict(vector)
        parts = [(vector - start) / width]
        rows = [np.diag(1.0 / width)]
        for objective, jump in jumps:
            residual, row = joint.jump_residual(objective, jump, values)
            parts.append(np.array([residual]))
            rows.append((row @ parameters.matrix)[None, :])
        assert jumps[0][0].measurement is not None
        softness, row = _distance_from_critical(
            joint, jumps[0][0].measurement.conditions[:1], values, jumps[0][1].temperature
        )
        parts.append(np.array([softness]))
        rows.append((row @ parameters.matrix)[None, :])
        return np.concatenate(parts), np.concatenate(rows)

    blocks = (Block("pull", start.size, "prior"), Block("jumps", len(jumps)), Block("critical", 1))
    result = fit(Problem(parameters, residuals, blocks), starts=1, max_iterations=60)
    return result.parameters


def _distance_from_critical(
    joint: JointProblem, template: Conditions, values: dict[str, float], temperature: float
) -> tuple[float, np.ndarray]:
    """Residual that is zero for a first-order step, and for a gradual one grows with 1/(T dn/dT)."""
    names = joint.parameters.names
    row = np.zeros(len(names))
    window = (max(1.0, 0.2 * temperature), 5.0 * temperature)
    switch = equilibrium_transition(joint.model, values, template, window)
    if switch is None or switch.kind != "gradual":
        return 0.0, row
    t = switch.temperature
    x = equilibrium(joint.model, replace(template, temperature=t, time=None), values)
    share = joint.model.upper_share
    slope, bend = float(share(x.x_t[0])), float(share(x.x_tt[0]))
    gradient = share(x.x_t_theta[0]) + bend * switch.t_theta
    softness = 1.0 / (t * slope)
    change = -softness * (gradient / slope + switch.t_theta / t)
    for name, value in zip(x.parameter_names, change, strict=True):
        row[names.index(name)] += value / (0.5 * BEYOND)
    return (softness + BEYOND) / (0.5 * BEYOND), row
