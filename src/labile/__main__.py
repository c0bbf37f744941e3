"""`python -m labile`, for places where the `labile` command is not on the path."""

from labile.cli import main

if __name__ == "__main__":
    main()
