"""`python -m reverser` is the console script `reverser`."""

from reverser.cli import main

if __name__ == "__main__":
    main()
