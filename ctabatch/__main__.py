"""``python -m ctabatch`` is the same as ``ctabatch``."""

from ctabatch.cli.main import main

if __name__ == "__main__":
    main()
