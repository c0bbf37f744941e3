"""From raw counts to a folded spectrum on a velocity scale relative to alpha-iron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labile.core.conditions import Conditions
from labile.core.measurement import Axis, Measurement
from labile.core.uncertain import format_uncertain
from labile.techniques.mossbauer.calibration import Calibration, calibrate
from labile.techniques.mossbauer.counts import RawCounts, checked_counts
from labile.techniques.mossbauer.folding import MIRRORED, find_fold_point, fold, mirrored_share
from labile.techniques.mossbauer.iron57 import MM_S, REFERENCE, REFERENCE_TEXT, MossbauerError, zero_of

FARTHEST = 1.5
"""Channels by which the fold points of a spectrum and of its calibration may differ."""


def fold_spectrum(
    raw: Measurement,
    calibration: Calibration,
    *,
    fold_point: float | None = None,
    temperature: float | None = None,
) -> Measurement:
    """Fold a raw spectrum and put it on the velocity scale of a calibration.

    Parameters
    ----------
    raw : Measurement
        ``"counts"`` by channel.
    calibration : Calibration
        Of the same drive.
    fold_point : float, optional
        An integer or half-integer channel; that of the calibration by default, as long as the spectrum agrees.
    temperature : float, optional
        K, where the file does not state it.

    Returns
    -------
    Measurement
        ``"counts"`` along ``"velocity"`` (m/s, rising, relative to alpha-iron at room temperature) with Poisson sigma
        (the root of the counts). Attributes: ``isomer_shift_reference``, ``calibration_source``,
        ``calibration_sha256``, ``sigma_zero`` (m/s), ``sigma_scale``, ``velocity_per_channel`` (m/s).

    Raises
    ------
    MossbauerError
        If the spectrum is folded already, its channels are not those of the calibration, or its halves do not agree
        near the calibration's fold point.
    """
    where = f"spectrum {raw.label!r}"
    counts = checked_counts(raw)
    _same_channels(counts.values.size, calibration, where)
    steps = list(counts.steps)
    if calibration.drive == "sawtooth":
        channels = np.flatnonzero(counts.valid) + 1
        values, total = counts.values[counts.valid], 0
    else:
        total = _fold_sum(counts, calibration, fold_point, where, steps)
        folded = fold(counts, total)
        channels, values = folded.first, folded.counts
        steps.append(f"{values.size} pairs of channels added about channel {0.5 * total:g}")
    velocity = calibration.velocity(channels, total or None)
    order = np.argsort(velocity)
    if np.any(np.diff(velocity[order]) <= 0):
        raise MossbauerError(f"{where}: the calibrated velocities of its channels are not all different")
    attributes = {
        **raw.attributes,
        "isomer_shift_reference": REFERENCE,
        "calibration_source": calibration.source,
        "calibration_sha256": calibration.sha256,
        "sigma_zero": calibration.sigma_zero,
        "sigma_scale": calibration.sigma_scale,
        "velocity_per_channel": calibration.velocity_per_channel,
    }
    conditions = raw.conditions
    if temperature is not None:
        conditions = replace(conditions, temperature=temperature)
        attributes["temperature_source"] = "given"
    return replace(
        raw,
        values=values[order][None, :],
        conditions=conditions,
        sigma=np.sqrt(np.maximum(values[order], 1.0))[None, :],
        axis=Axis("velocity", velocity[order]),
        attributes=attributes,
        provenance=raw.provenance.then(*steps, *calibration.describe()),
    )


def _same_channels(size: int, calibration: Calibration, where: str) -> None:
    if size == calibration.channels:
        return
    folded = calibration.channels // 2
    if calibration.fold_sum and abs(size - folded) <= 2:
        raise MossbauerError(
            f"{where}: {size} channels, half of the calibration's {calibration.channels}: it is folded already. Give"
            " the raw counts, or velocities and counts"
        )
    raise MossbauerError(
        f"{where}: {size} channels, but its calibration {calibration.source or 'spectrum'} has {calibration.channels};"
        " use the calibration of the same drive and analyser"
    )


def _fold_sum(counts: RawCounts, calibration: Calibration, given: float | None, where: str, steps: list[str]) -> int:
    """Fold sum of a spectrum: as given, else the calibration's where the spectrum has nothing against it."""
    if given is not None:
        if abs(2 * given - round(2 * given)) > 1e-9:
            raise MossbauerError(f"{where}: fold_point must be an integer or half-integer channel, found {given!r}")
        return round(2 * given)
    shared = mirrored_share(counts, calibration.fold_sum)
    if np.isnan(shared):
        steps.append("no structure beyond noise: folded at the calibration's fold point")
        return calibration.fold_sum
    if not shared > MIRRORED:
        own = find_fold_point(counts)
        if own.mirrored > MIRRORED:
            raise MossbauerError(
                f"{where}: its two passes agree about channel {own.channel:g}, those of the calibration about channel"
                f" {0.5 * calibration.fold_sum:g}; the calibration is of another run. State fold_point ="
                f" {own.channel:g} if you are sure that the velocity scale still holds"
            )
        raise MossbauerError(
            f"{where}: its two halves do not mirror each other (common share {shared:.2f}); it is folded already, or of"
            " another drive"
        )
    own = find_fold_point(counts, near=0.5 * calibration.fold_sum)
    if abs(own.channel - 0.5 * calibration.fold_sum) > FARTHEST:
        raise MossbauerError(
            f"{where}: its two passes agree best about channel {own.channel:g}, those of the calibration about channel"
            f" {0.5 * calibration.fold_sum:g}; the calibration is of another run. State fold_point = {own.channel:g} if"
            " you are sure that the velocity scale still holds"
        )
    return calibration.fold_sum


def referred_to_alpha_iron(spectrum: Measurement, *, reference: str = "", offset: float | None = None) -> Measurement:
    """Put the zero of a velocity spectrum at alpha-iron.

    Parameters
    ----------
    spectrum : Measurement
        ``"counts"`` or ``"transmission"`` along ``"velocity"``.
    reference : str
        What its zero means now; its own attribute ``isomer_shift_reference`` by default.
    offset : float, optional
        Isomer shift (m/s) of that reference relative to alpha-iron, for one that is not known.

    Raises
    ------
    MossbauerError
        If neither says what the zero is.

    Examples
    --------
    >>> m = Measurement(
    ...     "counts", np.full((1, 64), 1e4), Conditions(295.0), axis=Axis("velocity", np.linspace(-4e-3, 4e-3, 64))
    ... )
    >>> moved = referred_to_alpha_iron(m, reference="sodium nitroprusside")
    >>> round(float(moved.axis.values[0]) * 1e3, 3), moved.attributes["isomer_shift_reference"]
    (-4.257, 'alpha-Fe')
    """
    require_velocity(spectrum)
    assert spectrum.axis is not None
    name = reference or str(spectrum.attributes.get("isomer_shift_reference", ""))
    if not name and offset is None:
        raise MossbauerError(
            f"spectrum {spectrum.label!r}: nothing says what its zero velocity is; give reference= (alpha-Fe, sodium"
            " nitroprusside) or offset= the isomer shift of the zero relative to alpha-Fe"
        )
    shift = zero_of(name) if offset is None else offset
    moved = Axis("velocity", spectrum.axis.values + shift)
    step = f"zero moved by {shift / MM_S:g} mm/s, from {name or 'a stated zero'} to {REFERENCE_TEXT}"
    return replace(
        spectrum,
        axis=moved,
        attributes={**spectrum.attributes, "isomer_shift_reference": REFERENCE},
        provenance=spectrum.provenance.then(step)
        if shift or name.lower() not in ("alpha-fe",)
        else spectrum.provenance,
    )


def require_velocity(spectrum: Measurement) -> None:
    """Raise MossbauerError unless a measurement is a folded spectrum along velocity."""
    axis = None if spectrum.axis is None else spectrum.axis.quantity
    if spectrum.quantity not in ("counts", "transmission") or axis not in ("velocity", "channel"):
        raise MossbauerError(
            f"spectrum {spectrum.label!r}: counts or transmission along velocity are expected, found"
            f" {spectrum.quantity} along {axis or 'no axis'}"
        )
    if axis == "channel":
        raise MossbauerError(
            f"spectrum {spectrum.label!r}: raw channels, not folded; fold it with a calibration first (fold_spectrum)"
        )


def transmission(spectrum: Measurement) -> Measurement:
    """Folded counts divided by their baseline.

    The baseline is the median of the tenth of the channels at both ends; the fit refines it.

    Parameters
    ----------
    spectrum : Measurement
        Counts along velocity.

    Returns
    -------
    Measurement
        ``"transmission"`` with its sigma; attribute ``baseline_counts``.
    """
    require_velocity(spectrum)
    if spectrum.quantity == "transmission":
        return spectrum
    values = spectrum.values
    edge = max(values.shape[1] // 20, 3)
    level = np.median(np.concatenate([values[:, :edge], values[:, -edge:]], axis=1), axis=1, keepdims=True)
    if not np.all(level > 0):
        raise MossbauerError(f"spectrum {spectrum.label!r}: no counts at the ends of its velocity range")
    sigma = np.sqrt(np.maximum(values, 1.0)) if spectrum.sigma is None else spectrum.sigma
    return replace(
        spectrum,
        quantity="transmission",
        values=values / level,
        sigma=sigma / level,
        unit="1",
        attributes={**spectrum.attributes, "baseline_counts": float(level[0, 0])},
        provenance=spectrum.provenance.then(f"divided by the counts at both ends, {float(level[0, 0]):.6g}"),
    )


def reduce_spectrum(
    raw: Measurement,
    *,
    quantity: str = "transmission",
    calibration: Calibration | Sequence[Measurement] | None = None,
    starts: str = "",
    drive: str = "triangular",
    fold_point: float | None = None,
    temperature: float | None = None,
    reference: str = "",
    nominal_velocity: float | None = None,
) -> Measurement:
    """Transmission against velocity from raw counts, or from velocities and counts.

    Parameters
    ----------
    raw : Measurement
        Counts by channel (needs a calibration) or by velocity (needs a reference).
    quantity : {"transmission"}
        What to return.
    calibration : Calibration or sequence of Measurement
        The scale, or the one spectrum of the alpha-iron foil that gives it.
    starts : {"positive", "negative"}
        Sign of the first velocities; needed with a foil spectrum.
    drive, fold_point, nominal_velocity
        As for `calibrate` and `fold_spectrum`.
    temperature : float, optional
        K; must be given where the file does not state it.
    reference : str
        What zero velocity means in a file of velocities.

    Returns
    -------
    Measurement
        ``"transmission"`` along ``"velocity"``, relative to alpha-iron at room temperature.

    Raises
    ------
    MossbauerError
        If the calibration, the reference or the temperature is missing or wrong.
    """
    where = f"spectrum {raw.label!r}"
    if quantity != "transmission":
        raise MossbauerError(f"{where}: {quantity} cannot be made from counts; ask for transmission")
    if temperature is None and raw.attributes.get("temperature_source") == "assumed":
        raise MossbauerError(f"{where}: the file does not state its temperature; give temperature = ... K")
    if raw.axis is not None and raw.axis.quantity == "velocity":
        if temperature is not None:
            attributes = {**raw.attributes, "temperature_source": "given"}
            raw = replace(raw, conditions=Conditions(temperature), attributes=attributes)
        return transmission(referred_to_alpha_iron(raw, reference=reference))
    if calibration is None:
        raise MossbauerError(
            f"{where}: raw channels need a calibration; give calibration = the alpha-iron foil's spectrum"
        )
    if not isinstance(calibration, Calibration):
        if not starts:
            raise MossbauerError(
                f"{where}: starts is missing: write starts = 'positive' or 'negative' (first velocities)"
            )
        calibration = calibrate(calibration, starts=starts, drive=drive, nominal_velocity=nominal_velocity)
    return transmission(fold_spectrum(raw, calibration, fold_point=fold_point, temperature=temperature))


def zero_uncertainty(spectrum: Measurement) -> float:
    """Standard uncertainty (m/s) of the zero of a spectrum's scale, 0 where it is not known."""
    found = spectrum.attributes.get("sigma_zero", 0.0)
    return float(found) if isinstance(found, float) else 0.0


def describe_scale(spectrum: Measurement) -> str:
    """One sentence about the velocity scale of a spectrum and its zero."""
    source = spectrum.attributes.get("calibration_source", "")
    text = f"velocities relative to {REFERENCE_TEXT}"
    if source:
        text += (
            f", calibrated with {source}; zero known to {format_uncertain(0.0, zero_uncertainty(spectrum) / MM_S)} mm/s"
        )
    return text
