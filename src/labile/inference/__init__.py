"""Joint problems built from measurements, models and observables, and what their data decide."""
