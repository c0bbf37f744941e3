"""Maps over temperature, pressure and light: stable states, loops and limits."""
