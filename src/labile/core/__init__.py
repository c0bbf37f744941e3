"""The nouns every room shares: units, conditions, material, parameters and measurements."""
