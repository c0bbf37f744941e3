"""Direct simulation of nuclei whose surroundings jump at random: the check of the superoperator, and of nothing else.

Every nucleus starts in a state drawn from the populations and jumps with the rates of the model; its coherence evolves
with the Hamiltonian of the state it is in. Each stay contributes its integral over time exactly, so the only error is
that of a finite number of nuclei.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labile.techniques.mossbauer.exchange import rate_matrix
from labile.techniques.mossbauer.iron57 import MossbauerError
from labile.techniques.mossbauer.liouville import TRANSITIONS, NuclearState

FORGOTTEN = 1e-12
"""Amplitude at which a coherence is given up."""


def simulated_line(
    velocity: Any,
    states: Sequence[NuclearState],
    populations: Sequence[float],
    width: float,
    rates: Mapping[tuple[int, int], float],
    *,
    nuclei: int = 2000,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean spectrum of simulated nuclei and its standard error; arguments as for `superoperator_line`.

    Returns
    -------
    value, sigma : ndarray (M,)
        Unit area, s/m.
    """
    if nuclei < 2:
        raise MossbauerError(f"simulation: at least 2 nuclei are needed, found {nuclei}")
    v = np.asarray(velocity, dtype=float)
    p = np.asarray(populations, dtype=float)
    kinetic = rate_matrix(p, rates)
    leaving = -kinetic.diagonal()
    rng = np.random.default_rng(seed)
    levels = [np.linalg.eigh(state.superoperator()) for state in states]
    resolvents = [1.0 / (0.5 * width + 1j * (v[:, None] - energy)) for energy, _ in levels]
    state = rng.choice(p.size, size=nuclei, p=p)
    # coherences that started as M_q, (nuclei, 8, 3), and the phase i v t is kept apart in `time`
    coherence = np.repeat(TRANSITIONS[None].astype(complex), nuclei, axis=0)
    time = np.zeros(nuclei)
    spectra = np.zeros((nuclei, v.size))
    alive = np.arange(nuclei)
    longest = -math.log(FORGOTTEN) / (0.5 * width)
    while alive.size:
        following = np.empty(alive.size, dtype=int)
        stays = np.empty(alive.size)
        for number, (energy, vectors) in enumerate(levels):
            here = np.flatnonzero(state[alive] == number)
            if not here.size:
                continue
            who = alive[here]
            rate = leaving[number]
            stay = rng.exponential(1.0 / rate, here.size) if rate > 0 else np.full(here.size, math.inf)
            stay = np.minimum(stay, longest - time[who])
            inner = vectors.conj().T @ coherence[who]
            # int_0^stay exp(-(Gamma/2 + i (v - E)) t) dt, from the time at which the stay begins
            decay = np.exp(-0.5 * width * stay)[:, None] * np.exp(1j * np.outer(stay, energy))
            phase = np.exp(-(0.5 * width + 1j * v) * time[who][:, None])
            strength = np.einsum("aq,kaq->ka", (vectors.conj().T @ TRANSITIONS).conj(), inner)
            beginning = strength @ resolvents[number].T
            ending = (strength * decay) @ resolvents[number].T * np.exp(-1j * np.outer(stay, v))
            spectra[who] += (phase * (beginning - ending)).real / (4.0 * math.pi)
            # the damping is in `phase`, so that coherences keep their length
            coherence[who] = vectors @ (np.exp(1j * np.outer(stay, energy))[:, :, None] * inner)
            stays[here] = stay
            to = kinetic[:, number].copy()
            to[number] = 0.0
            following[here] = rng.choice(p.size, size=here.size, p=to / rate) if rate > 0 else number
        time[alive] += stays
        state[alive] = following
        alive = alive[time[alive] < longest * (1.0 - 1e-12)]
    return spectra.mean(axis=0), spectra.std(axis=0, ddof=1) / math.sqrt(nuclei)
