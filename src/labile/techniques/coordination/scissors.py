"""The scissor mechanism: a rhombus of rigid arms that opens and closes.

Two arms of total length 2 L are hinged at their centre; the full angle q stands opposite the axis a:

    a = 2 L sin(q/2),  b = 2 L cos(q/2),  a^2 + b^2 = 4 L^2,  d ln a/d ln b = -(b/a)^2 = -cot^2(q/2)

One axis grows while the other shrinks, so a small change of angle gives a large, negative linear compressibility (or
expansion) along one of them. Arms that are compressible themselves add their own K_L to both axes:

    K_a = K_L - cot(q/2)/2 dq/dP,   K_b = K_L + tan(q/2)/2 dq/dP       (K = -d ln/dP)

and the same holds for thermal expansion with alpha = d ln/dT (signs reversed). With two observed axes K_L and dq/dP
follow exactly: K_L is the mean of K_a and K_b weighted with a^2 and b^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labile.techniques.coordination.errors import CoordinationError


@dataclass(frozen=True)
class Scissors:
    """A rhombus given by its two diagonals.

    Attributes
    ----------
    a, b : float
        Diagonals, m: the crystal axes (or the parts of them) that the mechanism moves.

    Examples
    --------
    >>> rhombus = Scissors.from_angle(10e-10, 1.2)
    >>> round((rhombus.a**2 + rhombus.b**2) / (4 * rhombus.arm**2), 12)
    1.0
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (0 < self.a < math.inf and 0 < self.b < math.inf):
            raise CoordinationError(f"scissors: both axes must be above 0 m, found a = {self.a!r}, b = {self.b!r}")

    @classmethod
    def from_angle(cls, arm: float, angle: float) -> Scissors:
        """From the side L of the rhombus (m) and the full angle opposite a (rad, between 0 and pi)."""
        if not (0 < arm < math.inf and 0 < angle < math.pi):
            raise CoordinationError(
                f"scissors: an arm above 0 m and an angle between 0 and pi rad are needed, found {arm!r}, {angle!r}"
            )
        return cls(2 * arm * math.sin(angle / 2), 2 * arm * math.cos(angle / 2))

    @property
    def arm(self) -> float:
        """Side L of the rhombus, m."""
        return math.hypot(self.a, self.b) / 2

    @property
    def angle(self) -> float:
        """Full angle opposite a, rad."""
        return 2 * math.atan2(self.a, self.b)

    @property
    def ratio(self) -> float:
        """K_a/K_b = alpha_a/alpha_b = -(b/a)^2 of rigid arms."""
        return -((self.b / self.a) ** 2)


@dataclass(frozen=True)
class ScissorMotion:
    """What two observed axial coefficients mean in the scissor picture.

    Attributes
    ----------
    arm, sigma_arm : float
        Coefficient of the arms themselves (K_L, or alpha_L), in the unit of the input.
    angle_rate, sigma_angle_rate : float
        dq per unit of pressure (or temperature), rad.
    ratio : float
        Observed K_a/K_b.
    rigid_ratio : float
        -(b/a)^2, that of rigid arms.
    """

    arm: float
    sigma_arm: float
    angle_rate: float
    sigma_angle_rate: float
    ratio: float
    rigid_ratio: float


def scissor_motion(
    scissors: Scissors,
    coefficient_a: float,
    coefficient_b: float,
    *,
    sigma_a: float = math.nan,
    sigma_b: float = math.nan,
    kind: str = "compressibility",
) -> ScissorMotion:
    """Split axial coefficients into what the arms do and what their angle does.

    Parameters
    ----------
    scissors : Scissors
    coefficient_a, coefficient_b : float
        Linear compressibilities -d ln a/dP (1/Pa), or expansion coefficients d ln a/dT (1/K).
    sigma_a, sigma_b : float
        Standard uncertainties.
    kind : {"compressibility", "expansion"}

    Returns
    -------
    ScissorMotion

    Raises
    ------
    CoordinationError

    Examples
    --------
    >>> rhombus = Scissors(12e-10, 8e-10)
    >>> found = scissor_motion(rhombus, -40e-12, 90e-12)
    >>> round(found.arm * 1e12, 6), round(found.rigid_ratio, 4)
    (0.0, -0.4444)
    """
    if kind not in ("compressibility", "expansion"):
        raise CoordinationError(f"scissors: kind must be 'compressibility' or 'expansion', found {kind!r}")
    if not (math.isfinite(coefficient_a) and math.isfinite(coefficient_b)):
        raise CoordinationError(f"scissors: two finite coefficients are needed, found {coefficient_a}, {coefficient_b}")
    total = scissors.a**2 + scissors.b**2
    share_a, share_b = scissors.a**2 / total, scissors.b**2 / total
    sign = -1.0 if kind == "compressibility" else 1.0
    # d ln a - d ln b = (1/2)(cot + tan)(q/2) dq = dq/sin q
    sine = math.sin(scissors.angle)
    rate = sign * (coefficient_a - coefficient_b) * sine
    return ScissorMotion(
        share_a * coefficient_a + share_b * coefficient_b,
        math.hypot(share_a * sigma_a, share_b * sigma_b),
        rate,
        math.hypot(sigma_a, sigma_b) * sine,
        coefficient_a / coefficient_b if coefficient_b else math.inf,
        scissors.ratio,
    )


def opened(scissors: Scissors, angle_change: float, arm_strain: float = 0.0) -> Scissors:
    """Return the rhombus after its angle changed by `angle_change` (rad) and its arms by the relative `arm_strain`.

    Examples
    --------
    >>> wider = opened(Scissors(12e-10, 8e-10), 0.02)
    >>> wider.a > 12e-10, wider.b < 8e-10
    (True, True)
    """
    if not arm_strain > -1:
        raise CoordinationError(f"scissors: arms cannot shrink by more than their length, found {arm_strain!r}")
    return Scissors.from_angle(scissors.arm * (1 + arm_strain), scissors.angle + angle_change)
