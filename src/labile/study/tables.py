"""Tables that open in Excel and Origin, and `results.nc` for programs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labile.core.constants import AMBIENT_PRESSURE
from labile.core.measurement import Measurement
from labile.core.units import field_unit, from_si, scale_to_si, si_unit
from labile.inference.joint_fit import Evaluation
from labile.inference.spectral_maps import Explained
from labile.study.journal import write_atomically
from labile.study.results import StudyResult, parameter_rows


def write_tables(result: StudyResult, folder: Path) -> list[str]:
    """Write every table of a study as CSV.

    Parameters
    ----------
    result : StudyResult
    folder : Path
        Made when it does not exist.

    Returns
    -------
    list of str
        File names: parameters, correlation, comparison, derived, one ``data_*`` a measurement with data,
        prediction and residual, one ``curves_*`` a panel, one ``populations_*`` a branch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names: list[str] = []

    def write(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        unique = name
        number = 2
        while f"{unique}.csv" in names:
            unique = f"{name}_{number}"
            number += 1
        write_atomically(folder / f"{unique}.csv", csv_text(header, rows))
        names.append(f"{unique}.csv")

    for label, header, rows in _data_tables(result):
        write(f"data_{slug(label)}", header, rows)
    if result.fit is not None:
        fields = ("name", "value", "sigma", "unit", "value_si", "sigma_si", "unit_si", "role", "source")
        write("parameters", fields, ([row[f] for f in fields] for row in parameter_rows(result.fit.result)))
        free = result.fit.result.free_names
        matrix = result.fit.result.correlation
        write("correlation", ("parameter", *free), ([n, *row] for n, row in zip(free, matrix, strict=True)))
    if result.derived:
        rows_ = [
            (d.name, d.of, _in_field(d.value, d.quantity), _spread(d.sigma, d.quantity), field_unit(d.quantity), d.text)
            for d in result.derived
        ]
        write("derived", ("name", "of", "value", "sigma", "unit", "text"), rows_)
    if result.comparisons:
        header_ = ("model", "chi2", "N", "k", "BIC", "delta_BIC", "AICc", "AICc_note", "converged", "message", "worst")
        compared = [
            (
                c.name, c.chi2, c.n, c.k, c.bic, c.delta_bic, "" if c.aicc is None else c.aicc, c.aicc_note,
                "yes" if c.converged else "no", c.message,
                "; ".join(f"{label}: {value:+.1f} sigma" for label, value in c.worst),
            )
            for c in result.comparisons
        ]  # fmt: skip
        write("comparison", header_, compared)
    for panel in result.panels:
        if not panel.curves:
            continue
        unit = panel.unit or "1"
        header__: list[str] = []
        columns: list[np.ndarray] = []
        for curve in panel.curves:
            header__ += [
                f"temperature ({curve.label}) (K)",
                f"{panel.quantity} ({unit})",
                f"sigma ({unit})",
            ]
            scale = scale_to_si(unit, panel.quantity)
            columns += [curve.temperature, from_si(curve.values, unit, panel.quantity), curve.sigma / scale]
        write(f"curves_{slug(panel.key)}", header__, _columns(columns))
    for run in result.expected_runs:
        columns = [np.asarray(run.current.conditions.time), run.current.temperature]
        columns += [run.current.in_unit("pA"), run.charge.in_unit("nC")]
        header__ = [
            "time (s)",
            "temperature (K)",
            "expected current, simulated (pA)",
            "expected charge, simulated (nC)",
        ]
        write(f"expected_current_{run.current.branch}", header__, _columns(columns))
    if result.figures_of_merit:
        from labile.techniques.pyroelectricity.merit import COLUMNS

        write("figures_of_merit", COLUMNS, result.figures_of_merit)
    for one in result.diagrams:
        for name, (columns_, rows_) in one.tables().items():
            write(name, columns_, rows_)
    for branch, states in result.populations.items():
        temperature = next(iter(states.values())).temperature
        columns = [temperature]
        header__ = ["temperature (K)"]
        for state, curve in states.items():
            header__ += [state, f"sigma {state}"]
            columns += [curve.values, curve.sigma]
        write(f"populations_{slug(branch)}", header__, _columns(columns))
    return names


def _data_tables(result: StudyResult) -> Iterable[tuple[str, list[str], list[list[Any]]]]:
    fitted = {e.label: e for e in result.evaluations}
    measured = {m.label for m in result.measurements}
    for measurement in result.measurements:
        if measurement.axis is None:
            yield measurement.label, *_measurement_table(measurement, fitted.get(measurement.label))
            continue
        yield measurement.label, *_spectra_table(measurement)
        if measurement.label in result.explained:
            yield from _explained_tables(measurement, result.explained[measurement.label])
    statements: dict[str, list[Evaluation]] = {}
    for evaluation in result.evaluations:
        if evaluation.label not in measured:
            statements.setdefault(result.groups.get(evaluation.label, evaluation.label), []).append(evaluation)
    for label, evaluations in statements.items():
        header = ["statement", "limit", "value", "sigma", "predicted", "unit", "weighted residual", "text"]
        rows = []
        for e in evaluations:
            unit = field_unit(e.quantity) or "1"
            value, predicted = (from_si(float(v[0]), unit, e.quantity) for v in (e.observed, e.predicted))
            sigma = float(e.sigma[0]) / scale_to_si(unit, e.quantity)
            sign = {-1: "<", 0: "", 1: ">"}[int(e.limits[0])]
            name = e.label.removeprefix(f"{label}: ")
            rows.append([name, sign, value, sigma, predicted, unit, float(e.residuals[0]), e.text])
        yield label, header, rows


def _measurement_table(measurement: Measurement, evaluation: Evaluation | None) -> tuple[list[str], list[list[Any]]]:
    unit, quantity = measurement.unit, measurement.quantity
    header = ["temperature (K)", f"{quantity} ({unit})"]
    columns: list[np.ndarray] = [measurement.temperature, measurement.in_unit()]
    if measurement.sigma is not None:
        header.append(f"sigma ({unit})")
        columns.append(np.asarray(measurement.sigma_in_unit()))
    if measurement.limits is not None:
        header.append("limit")
        columns.append(np.array([{-1: "<", 0: "", 1: ">"}[int(v)] for v in measurement.limits]))
    for term in measurement.correlated:
        header.append(f"effect of {term.name} ({unit})")
        columns.append(np.asarray(term.effect) / scale_to_si(unit, quantity))
    pressure = np.asarray(measurement.conditions.pressure)
    if np.ptp(pressure) > 0 or not np.allclose(pressure, AMBIENT_PRESSURE, rtol=1e-6):
        header.append(f"pressure ({field_unit('pressure')})")
        columns.append(np.asarray(from_si(pressure, field_unit("pressure"), "pressure")))
    if np.any(measurement.conditions.magnetic_field != 0):
        header.append("magnetic field (T)")
        columns.append(np.asarray(measurement.conditions.magnetic_field))
    if evaluation is not None:
        header += [f"predicted ({unit})", f"residual ({unit})", "weighted residual"]
        predicted = np.asarray(from_si(evaluation.predicted, unit, quantity))
        columns += [predicted, measurement.in_unit() - predicted, evaluation.residuals]
    return header, _columns(columns)


def _spectra_table(measurement: Measurement) -> tuple[list[str], list[list[Any]]]:
    """One row a point of the axis, one column a spectrum."""
    assert measurement.axis is not None
    axis, unit = measurement.axis.quantity, field_unit(measurement.axis.quantity) or "1"
    header = [f"{axis} ({unit})"]
    header += [f"{measurement.quantity} ({measurement.unit}) at {t:g} K" for t in measurement.temperature]
    position = np.asarray(from_si(measurement.axis.values, unit, axis))
    return header, _columns([position, *measurement.in_unit()])


def _explained_tables(measurement: Measurement, found: Explained) -> Iterable[tuple[str, list[str], list[list[Any]]]]:
    """Pure spectra along the axis, and amounts along the temperature."""
    assert measurement.axis is not None
    axis, unit = measurement.axis.quantity, field_unit(measurement.axis.quantity) or "1"
    scale = scale_to_si(measurement.unit, measurement.quantity)
    header, columns = [f"{axis} ({unit})"], [np.asarray(from_si(measurement.axis.values, unit, axis))]
    for name, spectrum, sigma in zip(found.names, found.spectra, found.sigma_spectra, strict=True):
        header += [f"{name} ({measurement.unit})", f"sigma {name} ({measurement.unit})"]
        columns += [spectrum / scale, sigma / scale]
    yield f"{measurement.label} pure spectra", header, _columns(columns)
    header, columns = ["temperature (K)"], [measurement.temperature]
    for k, name in enumerate(found.names):
        header += [f"{name}, model", f"{name}, spectrum by itself", f"sigma {name}"]
        columns += [found.amounts[:, k], found.seen[:, k], found.sigma_seen[:, k]]
    yield f"{measurement.label} amounts", header, _columns(columns)


def _columns(columns: Sequence[np.ndarray]) -> list[list[Any]]:
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _in_field(value: float, quantity: str) -> float:
    unit = field_unit(quantity)
    return float(from_si(value, unit, quantity)) if unit else value


def _spread(sigma: float, quantity: str) -> float:
    unit = field_unit(quantity)
    return sigma / scale_to_si(unit, quantity) if unit else sigma


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV that Excel and Origin open by double click: byte-order mark, comma, empty cells for what does not exist."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return "\ufeff" + stream.getvalue()


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    # a leading = + - @ in text would run as a formula in a spreadsheet
    if isinstance(value, str) and value[:1] in ("=", "@", "+"):
        return f"'{value}"
    return value


def slug(text: str) -> str:
    """Part of a file name that every operating system accepts.

    Examples
    --------
    >>> slug("chi*T, heating 2")
    'chi_T_heating_2'
    """
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_") or "unnamed"


def write_netcdf(result: StudyResult, path: Path) -> None:
    """All measurements, curves and populations (SI) in one netCDF file, one group each.

    Parameters
    ----------
    result : StudyResult
    path : Path
    """
    import xarray as xr

    datasets: dict[str, Any] = {"/": xr.Dataset(attrs={"title": result.title, "key": result.key})}

    def add(name: str, dataset: Any) -> None:
        unique, number = name, 2
        while unique in datasets:
            unique = f"{name}_{number}"
            number += 1
        datasets[unique] = dataset

    for measurement in result.measurements:
        add(f"measurements/{slug(measurement.label)}", measurement.to_xarray())
    for label, found in result.explained.items():
        add(f"spectra/{slug(label)}", found.to_xarray())
    for panel in result.panels:
        for curve in panel.curves:
            add(f"curves/{slug(panel.key)}/{slug(curve.label)}", _curve_dataset(curve))
    for branch, states in result.populations.items():
        for state, curve in states.items():
            add(f"populations/{slug(branch)}/{slug(state)}", _curve_dataset(curve))
    for one in result.diagrams:
        add(f"diagrams/{slug(one.settings.label)}", one.to_xarray())
    mode = "w"
    for name, dataset in datasets.items():
        dataset.to_netcdf(path, mode=mode, group=None if name == "/" else name, engine="h5netcdf")
        mode = "a"


def _curve_dataset(curve: Any) -> Any:
    import xarray as xr

    unit = si_unit(curve.quantity) or "1"
    return xr.Dataset(
        {
            "values": ("temperature", curve.values, {"units": unit, "quantity": curve.quantity}),
            "sigma": ("temperature", curve.sigma, {"units": unit}),
            "status": ("temperature", curve.status),
        },
        coords={"temperature": ("temperature", curve.temperature, {"units": "K"})},
        attrs={"label": curve.label, "branch": curve.branch},
    )
