"""A study: its manifest, its run, its results and its report."""
