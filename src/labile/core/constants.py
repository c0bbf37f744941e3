"""Physical constants, CODATA 2018, SI unless the name says otherwise.

Written out here instead of imported from scipy so that reading a file never loads scipy.
"""

GAS_CONSTANT = 8.314462618
"""R, J K-1 mol-1."""
BOLTZMANN = 1.380649e-23
"""k_B, J K-1."""
AVOGADRO = 6.02214076e23
"""N_A, mol-1."""
ELEMENTARY_CHARGE = 1.602176634e-19
"""e, C."""
PLANCK = 6.62607015e-34
"""h, J s."""
SPEED_OF_LIGHT = 299792458.0
"""c, m s-1."""
BOHR_MAGNETON = 9.2740100783e-24
"""mu_B, J T-1."""
VACUUM_PERMEABILITY = 1.25663706212e-6
"""mu_0, T m A-1."""
CURIE_CONSTANT_CGS = AVOGADRO * (BOHR_MAGNETON * 1e3) ** 2 / (3 * BOLTZMANN * 1e7)
"""N_A mu_B^2 / 3 k_B in cm3 K mol-1: chi*T of g^2 S(S+1) = 1 (0.1250494)."""
AMBIENT_PRESSURE = 101325.0
"""Pa. Enthalpies are stated at this pressure; the P*V term counts from here."""
DEBYE = 3.33564e-30
"""1 D in C m."""
