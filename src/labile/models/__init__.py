"""Free energies of n states and what follows from them: minima, histories, transitions, observables."""
