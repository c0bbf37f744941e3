"""The fit engine: least squares on any residuals of Parameters; it knows no crystal."""
