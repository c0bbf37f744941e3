"""Let ``python -m labile`` do what the ``labile`` command does."""

if __name__ == "__main__":
    from labile.cli import main

    main()
