"""What can be wrong with a powder pattern or the structures it is compared with."""


class PowderError(ValueError):
    """A pattern, wavelength or structure from which nothing can be computed; the message says what to do."""
