"""Readers of instrument files and tables; the registry finds the one a file needs."""
