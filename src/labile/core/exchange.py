"""Measurements in the containers other programs use: pandas, xarray, CSV and NetCDF, without loss.

Everything that is not a number per point (quantity, branch, attributes, provenance, light, axis) travels as one
JSON description: in ``DataFrame.attrs``, in the Dataset's attributes, in the comment lines of the CSV.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labile.core.conditions import Conditions, LightSource
from labile.core.measurement import Axis, CorrelatedTerm, Measurement, MeasurementError, Provenance
from labile.core.units import from_si, scale_to_si, si_unit

CSV_MARK = "# labile measurement 1"
"""First line of a CSV that `write_csv` wrote."""
_KEY = "labile_measurement"
_CONDITIONS = {
    "temperature": "K",
    "pressure": "Pa",
    "magnetic_field": "T",
    "time": "s",
    "sigma_temperature": "K",
    "sigma_pressure": "Pa",
}


def _description(measurement: Measurement) -> dict[str, Any]:
    return {
        "quantity": measurement.quantity,
        "unit": measurement.unit,
        "label": measurement.label,
        "sample": measurement.sample,
        "branch": measurement.branch,
        "sweep_rate": measurement.sweep_rate,
        "correlated": [term.name for term in measurement.correlated],
        "axis": None
        if measurement.axis is None
        else {"quantity": measurement.axis.quantity, "values": np.asarray(measurement.axis.values).tolist()},
        "light": [[float(one.wavelength), float(one.photon_flux)] for one in measurement.conditions.light],
        "attributes": {key: _plain(value) for key, value in measurement.attributes.items()},
        "provenance": {
            "source": measurement.provenance.source,
            "sha256": measurement.provenance.sha256,
            "reader": measurement.provenance.reader,
            "options": dict(measurement.provenance.options),
            "steps": list(measurement.provenance.steps),
        },
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _from_parts(description: Mapping[str, Any], columns: Mapping[str, np.ndarray], where: str) -> Measurement:
    """Build from the description and SI arrays: conditions by name, ``values``, ``sigma``, ``limits``, ``effects``."""
    try:
        axis = description["axis"]
        light = tuple(LightSource(*pair) for pair in description["light"])
        effects = columns.get("effects")
        names = description["correlated"]
        if len(names) != (0 if effects is None else len(effects)):
            raise MeasurementError(f"it names {len(names)} correlated terms, their columns are missing")
        conditions = Conditions(light=light, **{key: columns[key] for key in _CONDITIONS if key in columns})
        return Measurement(
            description["quantity"],
            columns["values"],
            conditions,
            columns.get("sigma"),
            description["unit"],
            correlated=tuple(CorrelatedTerm(name, effects[i]) for i, name in enumerate(names) if effects is not None),
            limits=columns.get("limits"),
            axis=None if axis is None else Axis(axis["quantity"], np.array(axis["values"], dtype=float)),
            branch=description["branch"],
            sweep_rate=description["sweep_rate"],
            sample=description["sample"],
            label=description["label"],
            attributes=description["attributes"],
            provenance=Provenance(**description["provenance"]),
        )
    except KeyError as error:
        raise MeasurementError(f"{where}: {error.args[0]!r} is missing from what describes the measurement") from None
    except (TypeError, AttributeError, IndexError, OverflowError) as error:
        raise MeasurementError(f"{where}: the description of the measurement is damaged ({error})") from None
    except ValueError as error:
        raise MeasurementError(f"{where}: {error}") from None


def _value_name(quantity: str) -> str:
    """Name of the value column; another one where the quantity is also a condition (a measured temperature)."""
    return f"measured_{quantity}" if quantity.startswith((*_CONDITIONS, "sigma", "limit", "correlated")) else quantity


def _column_unit(quantity: str, unit: str) -> str:
    """The shown unit; SI where that unit has an offset (degC), which would cost digits at every round trip."""
    return unit if from_si(0.0, unit, quantity) == 0.0 else si_unit(quantity)


def _shown_columns(measurement: Measurement) -> list[tuple[str, np.ndarray]]:
    """Titles with units and the columns under them, in the order of the CSV."""
    conditions = measurement.conditions
    columns = [
        (f"{name} ({unit})", np.asarray(column))
        for name, unit in _CONDITIONS.items()
        if (column := getattr(conditions, name)) is not None
    ]
    unit = _column_unit(measurement.quantity, measurement.unit)
    scale = scale_to_si(unit, measurement.quantity)
    for name, array in ((_value_name(measurement.quantity), measurement.values), ("sigma", measurement.sigma)):
        if array is None:
            continue
        if measurement.axis is None:
            columns.append((f"{name} ({unit})", array / scale))
        else:
            columns += [(f"{name} {j + 1} ({unit})", array[:, j] / scale) for j in range(array.shape[1])]
    if measurement.limits is not None:
        columns.append(("limit", measurement.limits))
    for number, term in enumerate(measurement.correlated, start=1):
        name = json.dumps(term.name)[1:-1]  # no line ends in a title
        columns.append((f"correlated {number}: {name} ({unit})", np.asarray(term.effect) / scale))
    return columns


def _from_shown(description: Mapping[str, Any], columns: list[tuple[str, np.ndarray]], where: str) -> Measurement:
    try:
        quantity = description["quantity"]
        scale = scale_to_si(_column_unit(quantity, description["unit"]), quantity)
        has_axis = description["axis"] is not None
        names = {f"{name} ({unit})": name for name, unit in _CONDITIONS.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise MeasurementError(f"{where}: the description of the measurement is damaged ({error})") from None
    except ValueError as error:
        raise MeasurementError(f"{where}: {error}") from None
    parts: dict[str, Any] = {}
    values, sigma, effects = [], [], []
    for title, column in columns:
        if title in names:
            parts[names[title]] = column
        elif title == "limit":
            parts["limits"] = _integers(column, where)
        elif title.startswith("sigma"):
            sigma.append(column * scale)
        elif title.startswith("correlated "):
            effects.append(column * scale)
        elif title.startswith(_value_name(quantity)):
            values.append(column * scale)
        else:
            raise MeasurementError(f"{where}: column {title!r} does not belong to a measurement that labile wrote")
    if not values or (not has_axis and len(values) > 1) or len(sigma) not in (0, len(values)):
        raise MeasurementError(f"{where}: found {len(values)} columns of {quantity} and {len(sigma)} of sigma")
    parts["values"] = np.column_stack(values) if has_axis else values[0]
    if sigma:
        parts["sigma"] = np.column_stack(sigma) if has_axis else sigma[0]
    if effects:
        parts["effects"] = np.array(effects)
    return _from_parts(description, parts, where)


def _integers(column: np.ndarray, where: str) -> np.ndarray:
    if not np.all(np.isin(column, (-1, 0, 1))):
        raise MeasurementError(f"{where}: the limit column must hold -1, 0 or 1")
    return np.asarray(column, dtype=int)


def to_dataframe(measurement: Measurement) -> Any:
    """As a pandas DataFrame: conditions in SI, values in the shown unit, the rest in ``attrs``.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    pandas.DataFrame
        N rows.
    """
    import pandas

    titles, arrays = zip(*_shown_columns(measurement), strict=True)
    frame = pandas.concat([pandas.Series(array) for array in arrays], axis=1)
    frame.columns = list(titles)
    frame.attrs[_KEY] = json.dumps(_description(measurement))
    return frame


def from_dataframe(frame: Any) -> Measurement:
    """The measurement that `to_dataframe` wrote.

    Raises
    ------
    MeasurementError
        If the frame has lost its ``attrs`` or a column.
    """
    where = "DataFrame"
    if _KEY not in frame.attrs:
        raise MeasurementError(f"{where}: attrs has no {_KEY!r}; was this made by Measurement.to_dataframe()?")
    columns = [(str(title), frame.iloc[:, i].to_numpy()) for i, title in enumerate(frame.columns)]
    return _from_shown(_load_json(frame.attrs[_KEY], where), columns, where)


def to_xarray(measurement: Measurement) -> Any:
    """As an xarray Dataset in SI with dimension ``point`` and, where there is one, the spectral axis.

    Returns
    -------
    xarray.Dataset
        Variables: the quantity, ``sigma``, ``limit``, ``correlated`` (term, point); coordinates: the conditions.
    """
    import xarray

    axis = measurement.axis
    dims = ("point",) if axis is None else ("point", axis.quantity)
    unit = si_unit(measurement.quantity)
    data: dict[str, Any] = {_value_name(measurement.quantity): (dims, measurement.values, {"units": unit})}
    if measurement.sigma is not None:
        data["sigma"] = (dims, measurement.sigma, {"units": unit})
    if measurement.limits is not None:
        data["limit"] = (("point",), measurement.limits)
    if measurement.correlated:
        effects = np.array([np.asarray(term.effect, dtype=float) for term in measurement.correlated])
        data["correlated"] = (("term", "point"), effects, {"units": unit})
    coords: dict[str, Any] = {
        name: (("point",), np.asarray(column), {"units": si})
        for name, si in _CONDITIONS.items()
        if (column := getattr(measurement.conditions, name)) is not None
    }
    if axis is not None:
        coords[axis.quantity] = ((axis.quantity,), np.asarray(axis.values), {"units": si_unit(axis.quantity)})
    return xarray.Dataset(data, coords, {_KEY: json.dumps(_description(measurement))})


def from_xarray(dataset: Any) -> Measurement:
    """The measurement that `to_xarray` wrote.

    Raises
    ------
    MeasurementError
        If the dataset has lost its description or a variable.
    """
    return _from_dataset(dataset, "Dataset")


def _from_dataset(dataset: Any, where: str) -> Measurement:
    if _KEY not in dataset.attrs:
        raise MeasurementError(f"{where}: it has no attribute {_KEY!r}; was this written by labile?")
    description = _load_json(dataset.attrs[_KEY], where)
    columns = {name: dataset[name].to_numpy() for name in _CONDITIONS if name in dataset}
    values = _value_name(str(description.get("quantity")))
    for part, variable in (("values", values), ("sigma", "sigma"), ("effects", "correlated")):
        if variable in dataset:
            columns[part] = dataset[variable].to_numpy()
    if "limit" in dataset:
        columns["limits"] = _integers(dataset["limit"].to_numpy(), where)
    return _from_parts(description, columns, where)


def _load_json(text: Any, where: str) -> dict[str, Any]:
    try:
        loaded = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise MeasurementError(f"{where}: the description of the measurement is damaged ({error})") from None
    if not isinstance(loaded, dict):
        raise MeasurementError(f"{where}: the description of the measurement is damaged (no mapping)")
    return loaded


def write_csv(measurement: Measurement, path: Path | str) -> None:
    """Write comment lines ``# key: JSON`` and a plain CSV in the shown unit that spreadsheets open.

    Parameters
    ----------
    measurement : Measurement
    path : path-like
        Replaced in one step when it exists.

    Examples
    --------
    >>> import tempfile
    >>> m = Measurement.from_field("chi_t", [0.15, 3.0], "cm3 K/mol", Conditions([5.0, 120.0]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(m, folder + "/m.csv")
    ...     read_csv(folder + "/m.csv").describe_point(1)
    '3 cm³ K mol⁻¹ at 120 K'
    """
    text = io.StringIO(newline="")
    text.write(CSV_MARK + "\n")
    for key, value in _description(measurement).items():
        text.write(f"# {key}: {json.dumps(value)}\n")
    writer = csv.writer(text, lineterminator="\n")
    titles, arrays = zip(*_shown_columns(measurement), strict=True)
    writer.writerow(titles)
    writer.writerows(zip(*([repr(_plain(value)) for value in array] for array in arrays), strict=True))
    _write_at_once(Path(path), lambda temporary: temporary.write_text(text.getvalue(), encoding="utf-8", newline=""))


def read_csv(path: Path | str) -> Measurement:
    """The measurement that `write_csv` wrote.

    Raises
    ------
    MeasurementError
        If it is no such file or is damaged; with the file and the line.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MeasurementError(f"{path.name}: it is not UTF-8 text, so labile did not write it") from None
    except OSError as error:
        raise MeasurementError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    lines = text.replace("\r\n", "\n").split("\n")
    # a spreadsheet that saves the file again pads the comment lines with separators and quotes them
    if lines[0].strip('",; \t') != CSV_MARK:
        raise MeasurementError(f"{path.name}, line 1: expected {CSV_MARK!r}")
    description: dict[str, Any] = {}
    number = 1
    while number < len(lines) and lines[number].startswith("#"):
        key, _, value = lines[number][1:].partition(":")
        try:
            description[key.strip()] = json.loads(value)
        except (ValueError, RecursionError):
            raise MeasurementError(f"{path.name}, line {number + 1}: {key.strip()!r} is not JSON") from None
        number += 1
    first = number + 1
    try:
        rows = [row for row in csv.reader(lines[number:]) if row]
    except csv.Error as error:
        raise MeasurementError(f"{path.name}: the columns cannot be separated ({error})") from None
    if len(rows) < 2:
        raise MeasurementError(f"{path.name}: there are no points under the column titles")
    numbers = np.empty((len(rows) - 1, len(rows[0])))
    for i, row in enumerate(rows[1:]):
        if len(row) != len(rows[0]):
            raise MeasurementError(
                f"{path.name}, line {first + 1 + i}: {len(row)} cells instead of {len(rows[0])}; is the file cut off?"
            )
        for j, cell in enumerate(row):
            try:
                numbers[i, j] = float(cell) if len(cell) < 60 else math.nan
            except ValueError:
                raise MeasurementError(
                    f"{path.name}, line {first + 1 + i}, column {rows[0][j]!r}: {cell!r} is not a number"
                ) from None
    columns = [(title, numbers[:, j]) for j, title in enumerate(rows[0])]
    return _from_shown(description, columns, path.name)


def write_netcdf(measurement: Measurement, path: Path | str) -> None:
    """Write the Dataset of `to_xarray` as NetCDF-4 (h5netcdf); an existing file is replaced in one step."""
    dataset = to_xarray(measurement)
    _write_at_once(Path(path), lambda temporary: dataset.to_netcdf(temporary, engine="h5netcdf"))


def read_netcdf(path: Path | str) -> Measurement:
    """The measurement that `write_netcdf` wrote.

    Raises
    ------
    MeasurementError
        If the file cannot be opened as NetCDF-4 or was not written by labile.
    """
    import xarray

    path = Path(path)
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as dataset:
            loaded = dataset.load()
    except Exception as error:
        # HDF5 reports damage as OSError, KeyError, RuntimeError or ValueError
        raise MeasurementError(f"{path.name}: cannot be opened as NetCDF-4 ({type(error).__name__}: {error})") from None
    return _from_dataset(loaded, path.name)


def _write_at_once(path: Path, write: Callable[[Path], Any]) -> None:
    """Write to a neighbour and rename, so that a crash leaves the old file or the new one."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
