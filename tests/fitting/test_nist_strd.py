"""Certification: the 27 nonlinear regression problems of the NIST Statistical Reference Datasets, both starts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from labile.core.parameters import Parameter, Parameters
from labile.fitting.least_squares import fit
from labile.fitting.problem import Block, Problem

DATA = Path(__file__).parents[1] / "data" / "nist_strd"
ROW = re.compile(r"^\s*b\d+ =\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*$", re.MULTILINE)


def _columns(*columns):
    return np.column_stack(np.broadcast_arrays(*columns)).astype(float)


def misra1a(b, x):
    e = np.exp(-b[1] * x)
    return b[0] * (1 - e), _columns(1 - e, b[0] * x * e)


def misra1b(b, x):
    u = 1 + b[1] * x / 2
    return b[0] * (1 - u**-2), _columns(1 - u**-2, b[0] * x * u**-3)


def misra1c(b, x):
    u = 1 + 2 * b[1] * x
    return b[0] * (1 - u**-0.5), _columns(1 - u**-0.5, b[0] * x * u**-1.5)


def misra1d(b, x):
    u = 1 + b[1] * x
    return b[0] * b[1] * x / u, _columns(b[1] * x / u, b[0] * x / u**2)


def chwirut(b, x):
    e, d = np.exp(-b[0] * x), b[1] + b[2] * x
    return e / d, _columns(-x * e / d, -e / d**2, -x * e / d**2)


def lanczos(b, x):
    e = [np.exp(-b[k] * x) for k in (1, 3, 5)]
    y = b[0] * e[0] + b[2] * e[1] + b[4] * e[2]
    return y, _columns(e[0], -b[0] * x * e[0], e[1], -b[2] * x * e[1], e[2], -b[4] * x * e[2])


def gauss(b, x):
    e = np.exp(-b[1] * x)
    u, v = (x - b[3]) / b[4], (x - b[6]) / b[7]
    g, h = np.exp(-(u**2)), np.exp(-(v**2))
    y = b[0] * e + b[2] * g + b[5] * h
    first = (g, 2 * b[2] * g * u / b[4], 2 * b[2] * g * u**2 / b[4])
    second = (h, 2 * b[5] * h * v / b[7], 2 * b[5] * h * v**2 / b[7])
    return y, _columns(e, -b[0] * x * e, *first, *second)


def danwood(b, x):
    p = x ** b[1]
    return b[0] * p, _columns(p, b[0] * p * np.log(x))


def kirby2(b, x):
    n, d = b[0] + b[1] * x + b[2] * x**2, 1 + b[3] * x + b[4] * x**2
    return n / d, _columns(1 / d, x / d, x**2 / d, -n * x / d**2, -n * x**2 / d**2)


def cubic_ratio(b, x):
    n, d = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3, 1 + b[4] * x + b[5] * x**2 + b[6] * x**3
    top = (1 / d, x / d, x**2 / d, x**3 / d)
    return n / d, _columns(*top, *(-n * x**k / d**2 for k in (1, 2, 3)))


def nelson(b, x):
    e = np.exp(-b[2] * x[1])
    return b[0] - b[1] * x[0] * e, _columns(1.0, -x[0] * e, b[1] * x[0] * x[1] * e)


def mgh17(b, x):
    e, f = np.exp(-x * b[3]), np.exp(-x * b[4])
    return b[0] + b[1] * e + b[2] * f, _columns(1.0, e, f, -b[1] * x * e, -b[2] * x * f)


def roszman1(b, x):
    u = x - b[3]
    d = np.pi * (u**2 + b[2] ** 2)
    return b[0] - b[1] * x - np.arctan(b[2] / u) / np.pi, _columns(1.0, -x, -u / d, -b[2] / d)


def enso(b, x):
    year, p, q = 2 * np.pi * x / 12, 2 * np.pi * x / b[3], 2 * np.pi * x / b[6]
    y = b[0] + b[1] * np.cos(year) + b[2] * np.sin(year)
    y = y + b[4] * np.cos(p) + b[5] * np.sin(p) + b[7] * np.cos(q) + b[8] * np.sin(q)
    dp = (b[4] * np.sin(p) - b[5] * np.cos(p)) * p / b[3]
    dq = (b[7] * np.sin(q) - b[8] * np.cos(q)) * q / b[6]
    return y, _columns(1.0, np.cos(year), np.sin(year), dp, np.cos(p), np.sin(p), dq, np.cos(q), np.sin(q))


def mgh09(b, x):
    n, d = x**2 + x * b[1], x**2 + x * b[2] + b[3]
    return b[0] * n / d, _columns(n / d, b[0] * x / d, -b[0] * n * x / d**2, -b[0] * n / d**2)


def mgh10(b, x):
    u = x + b[2]
    e = np.exp(b[1] / u)
    return b[0] * e, _columns(e, b[0] * e / u, -b[0] * e * b[1] / u**2)


def rat42(b, x):
    e = np.exp(b[1] - b[2] * x)
    d = 1 + e
    return b[0] / d, _columns(1 / d, -b[0] * e / d**2, b[0] * x * e / d**2)


def rat43(b, x):
    e = np.exp(b[1] - b[2] * x)
    d = 1 + e
    p = d ** (-1 / b[3])
    inner = -b[0] * p * e / (d * b[3])
    return b[0] * p, _columns(p, inner, -x * inner, b[0] * p * np.log(d) / b[3] ** 2)


def eckerle4(b, x):
    u = (x - b[2]) / b[1]
    y = b[0] / b[1] * np.exp(-0.5 * u**2)
    return y, _columns(y / b[0], y * (u**2 - 1) / b[1], y * u / b[1])


def bennett5(b, x):
    u = b[1] + x
    p = u ** (-1 / b[2])
    return b[0] * p, _columns(p, -b[0] * p / (u * b[2]), b[0] * p * np.log(u) / b[2] ** 2)


MODELS = {
    "Misra1a": misra1a,
    "Misra1b": misra1b,
    "Misra1c": misra1c,
    "Misra1d": misra1d,
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "Lanczos1": lanczos,
    "Lanczos2": lanczos,
    "Lanczos3": lanczos,
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "DanWood": danwood,
    "Kirby2": kirby2,
    "Hahn1": cubic_ratio,
    "Thurber": cubic_ratio,
    "Nelson": nelson,
    "MGH17": mgh17,
    "Roszman1": roszman1,
    "ENSO": enso,
    "MGH09": mgh09,
    "MGH10": mgh10,
    "Rat42": rat42,
    "Rat43": rat43,
    "Eckerle4": eckerle4,
    "Bennett5": bennett5,
    "BoxBOD": misra1a,
}


def load(name):
    """Table of start 1, start 2, certified value and deviation; response; predictor(s); certified RSS."""
    text = (DATA / f"{name}.dat").read_text(encoding="ascii")
    first, last = map(int, re.search(r"Data\s+\(lines (\d+) to (\d+)\)", text).groups())
    data = np.array([line.split() for line in text.splitlines()[first - 1 : last]], dtype=float)
    rss = float(re.search(r"Residual Sum of Squares:\s+(\S+)", text)[1])
    y, x = data[:, 0], data[:, 1] if data.shape[1] == 2 else data[:, 1:].T
    return np.array(ROW.findall(text), dtype=float), np.log(y) if name == "Nelson" else y, x, rss


def digits(found, certified):
    """Log relative error, at most the 11 digits that are certified."""
    error = np.abs(found - certified) / np.abs(certified)
    return float(np.min(-np.log10(np.maximum(error, 1e-11))))


def test_every_problem_of_the_collection_is_here():
    assert sorted(path.stem for path in DATA.glob("*.dat")) == sorted(MODELS)
    assert len(MODELS) == 27


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_of_the_models(name):
    table, _, x, _ = load(name)
    model, b = MODELS[name], table[:, 2]
    _, jacobian = model(b, x)
    for j, step in enumerate(1e-6 * np.abs(b)):
        shift = np.zeros(b.size)
        shift[j] = step
        numeric = (model(b + shift, x)[0] - model(b - shift, x)[0]) / (2 * step)
        np.testing.assert_allclose(jacobian[:, j], numeric, rtol=1e-5, atol=1e-5 * np.abs(jacobian[:, j]).max())


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_certified_values(name, start):
    table, y, x, rss = load(name)
    model = MODELS[name]

    def evaluate(vector):
        prediction, jacobian = model(vector, x)
        return prediction - y, jacobian

    parameters = Parameters(tuple(Parameter(f"nist.b{i + 1}", v) for i, v in enumerate(table[:, start])))
    result = fit(Problem(parameters, evaluate, (Block(name, y.size),)))
    assert result.converged, result.message
    assert digits(result.parameters.vector, table[:, 2]) >= 6
    if name != "Lanczos1":  # RSS of 1e-25: the residuals, and so the deviations, are round-off of the data
        assert digits(result.sigma * np.sqrt(result.chi2 / (y.size - len(table))), table[:, 3]) >= 4
        assert result.chi2 == pytest.approx(rss, rel=1e-6)
    assert not result.undetermined
